# The reference is what every kernel is compared with, so it shares no code with them: kernels/ref includes no other
# folder of kernels/ (the argument structs directly in kernels/ are fine).
if grep -rnE '#[[:space:]]*include[[:space:]]*["<]kernels/[^/">]+/' kernels/ref | grep -vE 'include[[:space:]]*"kernels/ref/'; then
  echo "kernels/ref includes another kernel folder"
  exit 1
fi
