/** How the figures were made: what a reader has to know to doubt them. */
export const WORDS = `## What is simulated

- **Schedule**: stable alone for half an hour, then 5 % for 10 min, 25 % for 10 min, 50 % for 5 min. 10 stable pods; 2, 3 and 5 canary pods. Counters are read every 5 s; a judge that decides each minute sees each twelfth read. This project's judge knows all of that half hour where it looks each minute, as sources that keep a past give it, and the last 5 min of it every 5 s: pods keep none, and are read from when the canary's are made. This project's judge also looks once when a weight has been written, as canary-promote does.
- **Requests** arrive independently (Poisson) and are spread evenly over a side's pods. All judges of a cell see the same releases, and all cells the same seeds. A judge's word ends the release for it.
- **Extra bad answers**: the canary's bad answers until the stop, or until the end, beyond those that the baseline's ratio would have given as many requests.
- **A hold** does not move the schedule, as all judges see the same releases; its code is counted. What a wait ends (\`baseline-breaks-limit\`, \`too-few-requests\`) lets the release go on, as it would after the wait; what no wait ends (\`populations-differ\`, \`share-differs\`, \`unreliable\`) ends it there.
- **Outage**: minutes 5 to 11, on both sides alike. **Read late**: the source shows one side's counters as they were so many seconds ago; this project's judge then reads sums over periods of at least that length with the skew guard, as provider prometheus has it, the others the same late counters.
- **Drifts** go in a straight line over the release. **Beta-binomial**: each side has a new probability every 5 s, drawn by itself, with that correlation ρ between two requests. **Three times more**: a client whose request failed asks the same pod three times more and gets the same answer.
- **Bursts**: each pod by itself, on average every 15 min. **Pods differ**: each pod's ratio is multiplied by a log-normal factor of its own for the whole release. **Internal**: that share of all that the baseline counts comes from inside, is not split by the route and does not fail.
- **Slow answers** are those above 500 ms; **cold caches** are the canary's in its first minute.

## Where misses come from

- **Few requests**: at 1 and 5 requests/s a canary answers fewer than ln(1/α)/KL requests for long, some regressions to their end. A fixed limit of four bad minutes is quicker there because it states no α: see what it does to healthy releases at 2 and 10 %, and to those under bursts.
- **After healthy minutes** the capital of the alternatives is small, so that a regression which begins then takes more requests than one from the start; and where the past looks uneven, one interval may add only so much, however clear it is.
- **Small regressions**: the tolerated increase (0.1 points or 20 % of the baseline's ratio, more where pods differ) is a part of what has to be shown; the bound knows none.
- **Bursts and overdispersion**: counts are divided by how much more than chance the baseline's own past varies. That is what keeps healthy releases, and it makes every verdict slower by about that factor. What only some of the canary's pods do is waited for (\`outlier-pods\`), once a step; a second time in one step it rejects.

## The judges

- **Fixed limit**: as Argo Rollouts has it: each minute at most 5 % bad over that minute, the fourth failed measurement stops (\`failureLimit: 3\`).
- **Success rate**: as Flagger has it: each minute at least 99 % good over that minute, the fifth failed check stops; a minute without requests counts as failed.
- **Mann-Whitney**: as Kayenta has it: every 5 min the two sides' ratios minute by minute, all since the canary began; a score of at most 75 stops.
- **Always-valid**: this project's judge with the default plan of canary-promote for the one metric: α 1 % over the comparison and the absolute limit (5 % of errors, 1 % of slow answers), and the signal of silence; at least 50 requests a side and step; the route's share is checked at the end of each step.

The judge's constants were chosen on other cells and seeds (\`--tuning\`: 2, 20 and 200 requests/s, 0.3 and 1 %, seeds from 1; here seeds from 1,000,001).
`
