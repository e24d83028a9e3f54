/** How bad, as the scanner's own `Severity` says; never read from a vendor's or a CVSS figure. */
export type Severity = 'UNKNOWN' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'

/** Worst last. */
export const SEVERITIES: readonly Severity[] = ['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']

/** What kind of thing was found. `end-of-life`: the operating system gets no more fixes. */
export type Kind = 'vulnerability' | 'misconfiguration' | 'secret' | 'license' | 'end-of-life'

/**
 * The package that a vulnerability or a licence is of. `version`: empty where the scanner does not say it (licences). `fixed`: the versions that mend it, as the scanner
 * lists them; absent where there is none.
 */
export type Package = {
  readonly name: string
  readonly version: string
  readonly purl?: string
  readonly path?: string
  readonly fixed?: string
  /** Of the advisory: `affected`, `fixed`, `will_not_fix`, `fix_deferred`, `end_of_life`, … */
  readonly status?: string
}

/**
 * One thing that the scanner found. `id`: CVE, check, rule or licence; `target`: what was scanned (an image's layer set, a lockfile, a file). `published`: ISO 8601, of a
 * vulnerability; absent where nobody says. `score`: CVSS 3 of the source that gave the severity. It never holds a secret's text.
 */
export type Found = {
  readonly kind: Kind
  readonly id: string
  /** Other names that an ignore file may use: a check's older `AVDID`. */
  readonly aliases?: readonly string[]
  readonly severity: Severity
  readonly title: string
  readonly target: string
  /** `os-pkgs/debian`, `lang-pkgs/npm`, `config/dockerfile`, …: class and type of the scanner's result. */
  readonly type: string
  readonly package?: Package
  readonly lines?: { readonly from: number; readonly to: number }
  readonly published?: string
  readonly url?: string
  readonly score?: number
}

/**
 * A scan as the gate decides about it. `targets`: how many results there were, 0 where nothing was scanned. `packages`: the package URLs of
 * all that was looked at; absent where the report lists none. `notes`: what a person should know of the reading. `doubts`: what of the report was not judged and may hide something that fails.
 */
export type Scan = {
  readonly artifact: { readonly name: string; readonly type: string; readonly digest?: string }
  /** Every digest that the report says the image goes by; absent where it says none. */
  readonly digests?: readonly string[]
  readonly os?: { readonly family: string; readonly name: string; readonly endOfLife: boolean }
  readonly createdAt?: string
  readonly scanner?: string
  readonly targets: number
  readonly found: readonly Found[]
  readonly packages?: readonly string[]
  readonly notes?: readonly string[]
  readonly doubts?: readonly Doubt[]
}

/** Why nobody can say that nothing fails; `text` is a clause without a stop. */
export type Doubt = {
  readonly code: 'unknown-severity' | 'unknown-content' | 'system-not-scanned'
  readonly text: string
}

/** An entry of an ignore file or a VEX document. `where`: file and line, or statement number. `expires`: ISO date, from its beginning (UTC) on the entry no longer holds. */
export type Exception = {
  readonly id: string
  readonly source: 'trivyignore' | 'trivyignore.yaml' | 'openvex'
  readonly where: string
  readonly kinds: readonly Kind[]
  /** Globs of paths and package URLs that it is confined to; absent: everywhere. */
  readonly paths?: readonly string[]
  readonly purls?: readonly string[]
  readonly reason?: string
  readonly expires?: string
}

/**
 * What the gate makes of one thing found. `exception`: an index into the gate's exceptions. `until`: the day on which grace ends; of one that fails, the day on which its grace from a
 * fix ended, though the baseline has it.
 */
export type Judged = {
  readonly found: Found
  readonly state: 'fails' | 'below' | 'unfixed' | 'in-grace' | 'excepted' | 'known'
  readonly exception?: number
  readonly until?: string
  /** Beside a baseline, of what is not in it: who brought it, the change or a disclosure since. Absent where it cannot be told. */
  readonly news?: 'added' | 'disclosed'
  readonly exploited?: true
  /** EPSS: the probability of exploitation within 30 days, 0 … 1. */
  readonly epss?: number
}

/** What became of one exception. `used`: how many things found it excused. */
export type ExceptionUse = {
  readonly exception: Exception
  readonly used: number
  readonly state: 'active' | 'expiring' | 'expired' | 'unused' | 'refused'
  /** Why a strict gate does not take it. */
  readonly problem?: string
}

/** The gate's decision. `shown`: those of `report-severity` and all that fail, worst first. `notes`: what a person should know beside the verdict. */
export type Gate = {
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'nothing-to-check' | 'error'
  readonly reason: { readonly code: string; readonly text: string; readonly next: string }
  readonly judged: readonly Judged[]
  readonly shown: readonly Judged[]
  readonly exceptions: readonly ExceptionUse[]
  readonly notes: readonly string[]
}
