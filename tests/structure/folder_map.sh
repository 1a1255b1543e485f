# The README's map is true: every folder of the tree has its line, and every folder it names is there.
status=0
map=$(sed -n '/^## Where things are/,/^## /p' README.md)
for folder in $(ls -d ./*/ src/*/ kernels/*/ | sed 's,^\./,,; s,/$,,' | grep -vE '^(build.*|out|src|kernels)$|__pycache__'); do
  grep -qE "(^|[[:space:]\`(])$folder/" <<<"$map" || { echo "README.md's map has no line for $folder/"; status=1; }
done
while read -r folder; do
  [ -d "$folder" ] || { echo "README.md's map names $folder, which is not there"; status=1; }
done < <(grep -oE '^`?[a-z0-9_/.]+/' <<<"$map" | tr -d '`')
exit $status
