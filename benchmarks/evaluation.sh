#!/usr/bin/env bash
# The evaluation figures of docs/results.md, from the raw archives; about an hour on two quiet cores. Needs the
# recordings (../shared/data, or SKELZERO_DATA). Stopped, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${SKELZERO_DATA:-../shared/data}
OUT=${1:-evaluation}
RUN=${SKELZERO:-.venv/bin/skelzero}
export OMP_NUM_THREADS=1
ABLATIONS=scale-published,scale:no-list,scale:no-hardness,scale:no-confidence,scale:no-proto,scale:no-kl,scale:no-recon

for pair in utd:utd_mhad.zip ucla:nw_ucla.tar.xz msr:msr_action3d.tar.xz; do
  store=$OUT/${pair%%:*}
  [ -d "$store" ] || $RUN data import "$DATA/${pair#*:}" --out "$store"
done

# Encoders on all classes under the usual protocol: their own top-1 on test subjects or views.
for store in utd ucla msr; do
  for seed in 0 1 2 3 4; do
    $RUN encode "$OUT/$store" --split all --seed $seed --check-labels --json \
      --out "$OUT/features-$store-$seed" --overwrite >"$OUT/encoder-$store-$seed.json"
  done
done

# Random draws rank methods; fixed splits are reported beside them, with a shorter encoder training.
$RUN compare --methods ridge,scale --data "$OUT/utd" --split random:9 --draws 16 --out "$OUT/draws" --json >"$OUT/draws.json"
$RUN compare --methods $ABLATIONS --setting zsl --data "$OUT/utd" --split random:9 --draws 16 --out "$OUT/draws" --json >"$OUT/draws-ablations.json"
for item in utd:22/5,18/9,14/13 ucla:8/2,5/5; do
  store=${item%%:*}
  $RUN compare --methods ridge,scale --data "$OUT/$store" --split "${item#*:}" --seeds 5 --steps 150 --out "$OUT/fixed-$store" --json >"$OUT/fixed-$store.json"
  $RUN compare --methods $ABLATIONS --setting zsl --data "$OUT/$store" --split "${item#*:}" --seeds 5 --steps 150 --out "$OUT/fixed-$store" --json >"$OUT/fixed-$store-ablations.json"
done
