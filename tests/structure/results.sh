# bench/RESULTS.md is what the committed measurements give: nobody edits a figure by hand.
command -v python3 >/dev/null || { echo "no python3 here to run scripts/bench_results.py"; exit 77; }
exec python3 scripts/bench_results.py --check
