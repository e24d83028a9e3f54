# Writes wilcox.jsonl, what R says of samples of many kinds: Rscript packages/evidence/test/reference/wilcox.R
# One JSON object per line. `first` is the canary, `second` the baseline. `ends` and `kayenta` are found to 1e-4 of the unit, R's own default,
# `fine` to a millionth of the span of all differences. `kayenta` and the last of `fine` are the estimate with the continuity correction, which R
# leaves out of its own (`estimate`). No interval where R gives none. The file is committed: nobody needs R to run the tests.
set.seed(20261122)

digits <- function(x) as.numeric(sprintf("%.6g", x))
number <- function(x) if (is.finite(x)) sprintf("%.17g", x) else "null"
numbers <- function(x) paste0("[", paste(vapply(x, number, ""), collapse = ","), "]")
values <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ","), "]")

corrected <- function(x, y) function(shift) {
  n <- length(x); m <- length(y)
  r <- rank(c(x - shift, y))
  t <- table(r)
  w <- sum(r[seq_along(x)]) - n * (n + 1) / 2 - n * m / 2
  (w - sign(w) / 2) / sqrt(n * m / 12 * (n + m + 1 - sum(t^3 - t) / ((n + m) * (n + m - 1))))
}

estimate <- function(x, y, tol) {
  low <- min(x) - max(y); high <- max(x) - min(y)
  tryCatch(uniroot(corrected(x, y), c(low, high), tol = tol)$root, error = function(e) NA)
}

interval <- function(x, y, confidence, tol) suppressWarnings(tryCatch({
  t <- wilcox.test(x, y, exact = FALSE, correct = TRUE, conf.int = TRUE, conf.level = confidence, tol.root = tol)
  c(t$conf.int, t$estimate)
}, error = function(e) c(NA, NA, NA)))

row <- function(name, x, y, confidence) {
  x <- digits(x); y <- digits(y)
  t <- suppressWarnings(wilcox.test(x, y, exact = FALSE, correct = TRUE))
  n <- length(x); m <- length(y); ties <- table(c(x, y))
  sigma <- sqrt(n * m / 12 * (n + m + 1 - sum(ties^3 - ties) / ((n + m) * (n + m - 1))))
  coarse <- interval(x, y, confidence, 1e-4)
  within <- 1e-6 * (max(x) - min(y) - (min(x) - max(y)))
  fine <- if (within > 0) interval(x, y, confidence, within) else c(NA, NA, NA)
  sprintf(paste0('{"kind":"test","name":"%s","confidence":%s,"w":%s,"sigma":%s,"p":%s,"ends":%s,"estimate":%s,"kayenta":%s,"fine":%s,',
                 '"first":%s,"second":%s}'),
    name, number(confidence), number(t$statistic), number(sigma), number(t$p.value), numbers(coarse[1:2]), number(coarse[3]),
    number(estimate(x, y, 1e-4)), numbers(c(fine[1:2], if (within > 0) estimate(x, y, within) else NA)), values(x), values(y))
}

makers <- list(
  "normal" = function(n) rnorm(n, 10, 1),
  "shifted" = function(n) rnorm(n, 10, 1) + rep(runif(1, 0, 3), n),
  "latencies, ms" = function(n) rlnorm(n, 4, 0.6),
  "latencies, s" = function(n) rlnorm(n, -4, 0.6),
  "whole numbers with many ties" = function(n) rpois(n, 2),
  "mostly zeros" = function(n) ifelse(runif(n) < 0.8, 0, rexp(n)),
  "negative and positive" = function(n) rnorm(n, 0, 5),
  "one decimal" = function(n) round(rnorm(n, 3, 0.4), 1),
  "tiny" = function(n) rexp(n) * 1e-7,
  "huge" = function(n) rexp(n) * 1e9,
  "shares" = function(n) rbinom(n, 40, 0.1) / 40)

sizes <- list(c(2, 2), c(2, 9), c(3, 3), c(4, 4), c(5, 5), c(5, 8), c(6, 6), c(7, 20), c(10, 10), c(12, 9), c(15, 15), c(20, 20), c(25, 25), c(30, 12),
  c(50, 50), c(1, 20), c(9, 40), c(14, 14), c(5, 25), c(8, 8))
rows <- character()
for (name in names(makers)) for (size in sizes) {
  make <- makers[[name]]
  rows <- c(rows, row(name, make(size[1]), make(size[2]) * sample(c(1, 1, 1.5), 1), sample(c(0.98, 0.98, 0.95, 0.999), 1)))
}
for (name in c("normal", "latencies, ms", "whole numbers with many ties", "shares")) {
  make <- makers[[name]]
  rows <- c(rows, row(name, make(200), make(200), 0.98), row(name, make(120), make(77), 0.95))
}
rows <- c(rows,
  row("one constant side", rep(5, 8), rnorm(8, 4, 1), 0.98), row("one constant side", rexp(12), rep(0, 12), 0.98),
  row("one constant side", c(0, 0, 0, 0, 3), rep(0, 5), 0.98), row("one side apart", 11:15, 1:5, 0.98),
  row("one side apart", 11:14, 1:4, 0.98), row("both constant", rep(3, 6), rep(2, 6), 0.98), row("both constant", 100, 10, 0.98),
  row("the same values", 1:7, 7:1, 0.98), row("all tied", rep(4, 5), rep(4, 5), 0.98))

for (n in c(1, 2, 3, 4, 5, 7, 10, 25, 100)) {
  x <- digits(rlnorm(n, 1, 1))
  probs <- c(0, 0.01, 0.25, 0.5, 0.75, 0.99, 1)
  rows <- c(rows, sprintf('{"kind":"percentiles","values":%s,"percent":%s,"is":%s}', values(x), values(100 * probs), numbers(quantile(x, probs, type = 7))))
}
tails <- c(0.5, 0.4, 0.1, 0.025, 0.01, 0.001, 1e-5, 1e-9, 1e-15, 0.9, 0.999)
z <- c(0, 0.1, 1, 1.96, 2.5, 2.999, 3, 3.001, 4, 6, 8, 20, -1, -5)
rows <- c(rows, sprintf('{"kind":"normal","tails":%s,"quantiles":%s,"z":%s,"upper":%s}', values(tails), numbers(qnorm(tails, lower.tail = FALSE)), values(z),
  numbers(pnorm(z, lower.tail = FALSE))))

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
writeLines(rows, file.path(dirname(script), "wilcox.jsonl"))
