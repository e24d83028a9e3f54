/** Dockerfiles that need no image of anybody else: all they have is a static busybox. */

/** The first lines of every one. */
export const BASE = 'FROM scratch\nCOPY busybox /bin/busybox\n'

/** A step of a Dockerfile that runs a line of shell. */
export const step = (line: string, options = ''): string =>
  `RUN ${options}${options === '' ? '' : ' '}${JSON.stringify(['/bin/busybox', 'sh', '-c', line])}\n`

/**
 * A step that counts how often it ran, past every image and cache: the image has the number it had come to in `/runs`.
 * The command has the identity in it, as BuildKit takes steps that run the same command for one.
 */
export const counting = (id: string): string =>
  step(
    `echo ${id} >> /count/runs && /bin/busybox wc -l < /count/runs > /runs`,
    `--mount=type=cache,id=${id},target=/count`,
  )
