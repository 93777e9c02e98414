# Builds with ninja and tells how far it is. Sourced by the other scripts, after packages.sh.

# How long a build has run, for people.
build_duration() {
  if [ "$1" -lt 60 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}

# Reads what ninja says on its standard input. On a terminal one line is updated; elsewhere there is
# a line every 10 seconds. Everything that is not a step of the build goes to the file $2.
report_build() {
  local name=$1 log=$2 line="" rest="" began=$SECONDS told=-10 at="" all="" code
  local terminal=""
  if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then terminal=yes; fi
  : >"$log"
  while true; do
    code=0
    # The time-out keeps the time moving while one step takes long. A line may come in two parts.
    IFS= read -r -t 1 line || code=$?
    if [ "$code" -gt 128 ]; then
      rest=$rest$line
    else
      line=$rest$line
      rest=""
      case "$line" in
        "@step "*)
          read -r _ at all _ <<<"$line"
          ;;
        ?*) printf '%s\n' "$line" >>"$log" ;;
      esac
      [ "$code" = 0 ] || break
    fi
    [ -n "$all" ] || continue
    if [ -n "$terminal" ]; then
      printf '\r%s: building, %s of %s (%s so far)\033[K' "$name" "$at" "$all" \
        "$(build_duration $((SECONDS - began)))" >&2
    elif [ $((SECONDS - told)) -ge 10 ]; then
      told=$SECONDS
      echo "$name: building, $at of $all ($(build_duration $((SECONDS - began))) so far)" >&2
    fi
  done
  if [ -n "$terminal" ] && [ -n "$all" ]; then printf '\r\033[K' >&2; fi
}

# build NAME FOLDER COMMAND…: the command runs ninja. What the compiler says is shown only when it
# fails, and then whole.
build() {
  local name=$1 folder=$2 code=0
  local log=$folder/build.log
  shift 2
  # In a subshell: pipefail is only for this pipe. Its exit code is ninja's.
  (
    set -o pipefail
    NINJA_STATUS="@step %f %t " "$@" 2>&1 | report_build "$name" "$log"
  ) || code=$?
  [ "$code" = 0 ] || cat "$log" >&2
  return "$code"
}
