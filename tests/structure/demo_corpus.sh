# The demo model's corpus: a world large enough, no template in both training and evaluation, trivial baselines fail.
command -v python3 >/dev/null || { echo "no python3 here to run scripts/demo_model/check.py"; exit 77; }
exec python3 scripts/demo_model/check.py
