#!/usr/bin/env bash
# The evaluation figures of docs/results.md, from the raw archives; about four hours on two quiet cores. Needs the
# recordings (../shared/data, or SKELZERO_DATA). Stopped, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${SKELZERO_DATA:-../shared/data}
OUT=${1:-evaluation}
RUN=${SKELZERO:-.venv/bin/skelzero}
export OMP_NUM_THREADS=1
METHODS=ridge,scale,msf,devise,conse,revise,jpose,cada-vae,synse
ALIGNED=ridge,devise,scale,msf,smie,pgfa
ABLATIONS=scale-published,scale:no-list,scale:no-hardness,scale:no-confidence,scale:no-proto,scale:no-kl,scale:no-recon,scale:no-reference

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

# Every method behind every gate: random draws rank methods, fixed splits are reported beside them.
for item in utd:random:9 ucla:random:5 msr:random:7 utd:22/5,18/9,14/13 ucla:8/2,5/5; do
  store=${item%%:*} split=${item#*:} name=$(tr -c 'a-z0-9\n' - <<<"$item")
  case $split in random*) runs="--draws 16" ;; *) runs="--seeds 5" ;; esac
  $RUN compare --methods $METHODS --setting zsl,gzsl,gates --data "$OUT/$store" --split "$split" $runs \
    --out "$OUT/all-$name" --json >"$OUT/all-$name.json"
done

# PGFA and SMIE beside the others; what alignment adds to each; one example a class.
for item in utd:random:9 ucla:random:5 msr:random:7 utd:22/5,18/9,14/13 ucla:8/2,5/5 utd:random-10,random-11,random-12; do
  store=${item%%:*} split=${item#*:} name=$(tr -c 'a-z0-9\n' - <<<"$item")
  case $split in random:*) runs="--draws 16" ;; *) runs="--seeds 5" ;; esac
  $RUN compare --methods $ALIGNED --setting zsl,gzsl,transductive,one-shot --data "$OUT/$store" --split "$split" $runs \
    --out "$OUT/aligned-$name" --json >"$OUT/aligned-$name.json"
done
${RUN%skelzero}python benchmarks/alignment.py "$OUT/utd" --split random:9 --draws 16 --out "$OUT/alignment-utd"
${RUN%skelzero}python benchmarks/alignment.py "$OUT/ucla" --split random:5 --draws 16 --out "$OUT/alignment-ucla"

# Motion attributes: each semantics alone and together; words that nobody profiled, in two wordings; own methods; across
# data sets, and what needs no training; which attributes cost most.
BESIDE="--encoder shift-gcn:small+kinematics"
for item in utd:random:9:utd_mhad ucla:random:5:nw_ucla msr:random:7:msr_action3d; do
  IFS=: read -r store random count words <<<"$item"
  here=(--data "$OUT/$store" --split "$random:$count" --draws 16 --out "$OUT/attributes-$store" --json)
  for kinds in label action motion action,motion attributes motion,attributes action,motion,attributes; do
    $RUN compare --methods ridge,eszsl $BESIDE --semantics $kinds --setting zsl "${here[@]}" >/dev/null
  done
  $RUN compare --methods devise,scale,msf,smie,pgfa --semantics attributes --setting zsl "${here[@]}" >/dev/null
  $RUN compare --methods devise,scale,msf,smie --semantics action,motion,attributes --setting zsl "${here[@]}" >/dev/null
  $RUN compare --methods match,skelzero --semantics action,motion,attributes --setting zsl,gzsl "${here[@]}" >/dev/null
  for words in "$words" "$words-second"; do
    $RUN compare --methods ridge $BESIDE --class-set "$words" --semantics action,motion --setting zsl "${here[@]}" >/dev/null
    $RUN compare --methods ridge $BESIDE --class-set "$words" --semantics read-attributes --setting zsl "${here[@]}" >/dev/null
    $RUN compare --methods match,skelzero --class-set "$words" --semantics action,motion,read-attributes --setting zsl \
      "${here[@]}" >/dev/null
  done
done
for item in utd:22/5,18/9,14/13 ucla:8/2,5/5; do
  here=(--data "$OUT/${item%%:*}" --split "${item#*:}" --seeds 5 --setting zsl,gzsl,gates --out "$OUT/attributes-fixed" --json)
  $RUN compare --methods match,skelzero --semantics action,motion,attributes "${here[@]}" >/dev/null
  $RUN compare --methods ridge $BESIDE --semantics action,motion "${here[@]}" >/dev/null
  $RUN compare --methods ridge $BESIDE --semantics attributes "${here[@]}" >/dev/null
done
STORES=("msr_action3d=$OUT/msr" "utd_mhad=$OUT/utd" "nw_ucla=$OUT/ucla")
${RUN%skelzero}python benchmarks/across.py --data "${STORES[@]}" --cmu "$DATA/cmu_bvh.tar.xz" --json "$OUT/across.json"
${RUN%skelzero}python benchmarks/attribute_errors.py --data "${STORES[@]}" --json "$OUT/attribute-errors.json"

# The packaged model on what it never saw; what its steps to the common body are worth; what is lost in pictures.
${RUN%skelzero}python benchmarks/default_model.py --data "${STORES[@]}" --json "$OUT/default-model.json"
${RUN%skelzero}python benchmarks/body_steps.py --data "${STORES[@]}" --json "$OUT/body-steps.json"
${RUN%skelzero}python benchmarks/flat.py --data "${STORES[@]}" --json "$OUT/flat.json"

# PGFA's settings one by one, on the data set of choices.
for change in pgfa.learn_scale=true pgfa.augment=false pgfa.centre_text=false; do
  $RUN compare --methods pgfa --set $change --setting zsl --data "$OUT/msr" --split random:7 --draws 6 \
    --out "$OUT/pgfa-$change" --json >/dev/null
done

# SCALE's ablations, MSF as published, and MSF's texts one by one.
$RUN compare --methods ridge,scale,$ABLATIONS --setting zsl --data "$OUT/utd" --split random:9 --draws 16 \
  --out "$OUT/scale" --json >"$OUT/scale.json"
$RUN compare --methods msf,msf-published --setting zsl,gzsl --data "$OUT/utd" --split random:9 --draws 16 \
  --out "$OUT/msf" --json >"$OUT/msf.json"
for texts in label action motion label,action,motion; do
  $RUN compare --methods msf --semantics $texts --setting zsl,gzsl --data "$OUT/utd" --split random:9 --draws 16 \
    --out "$OUT/texts" --json >"$OUT/texts-$texts.json"
done
