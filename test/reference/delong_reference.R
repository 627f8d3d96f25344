# DeLong's test by R's pROC, on the cases of data/metrics.json (metrics_reference.py). Writes data/delong.json.
#
#     Rscript delong_reference.R
suppressPackageStartupMessages(library(pROC))
library(jsonlite)

arguments <- commandArgs(trailingOnly = FALSE)
here <- dirname(sub("^--file=", "", grep("^--file=", arguments, value = TRUE)))
cases <- fromJSON(file.path(here, "data", "metrics.json"), simplifyDataFrame = FALSE)$cases

results <- lapply(cases, function(case) {
  curve <- function(score) roc(case$label, score, levels = c(0, 1), direction = "<", quiet = TRUE)
  a <- curve(case$score)
  b <- curve(case$other)
  test <- roc.test(b, a, method = "delong", paired = TRUE)
  interval <- as.numeric(ci.auc(a, method = "delong"))
  list(
    name = case$name,
    auc = c(as.numeric(auc(a)), as.numeric(auc(b))),
    variance = c(var(a, method = "delong"), var(b, method = "delong")),
    covariance = cov(a, b, method = "delong"),
    interval = interval[c(1, 3)],
    z = as.numeric(test$statistic),
    p = as.numeric(test$p.value)
  )
})

write_json(
  list(versions = list(R = as.character(getRversion()), pROC = as.character(packageVersion("pROC"))), cases = results),
  file.path(here, "data", "delong.json"),
  auto_unbox = TRUE, digits = NA
)
