#!/usr/bin/env bash
# Kills commands at random moments and looks at what they leave: no half file under a final name, nothing that still
# runs, and a next run that completes to the same bytes as one that nobody disturbed.
#
#   scripts/kill_campaign.sh [KILLS [ROW...]]     default: 100 kills of each row
#   SEED=7 scripts/kill_campaign.sh 20 train      the moments that seed 7 draws
#
# Rows: npy-pack, preprocess, train, infer--json, infer--csv, infer--jsonl, infer--annotate. One whose flag `sbi` does
# not know is left out. SBI names another program than target/release/sbi; sample_set must lie beside it.
#
# Odd kills hit a run in a fresh folder, even ones a run that goes on where the kill before left off. Of eight kills
# four are SIGKILL, two SIGTERM (both to the process) and two SIGINT (to the process group, as a terminal does it). A
# kill that comes after the end is drawn again. Exit status 1 and a kept folder where anything was wrong.
#
# In the table, `left` counts unfinished files (`.tmp-…`) after the kills, `stay` those that are still there after the
# next run, and `slowest end` is the longest time from a signal to the end of the process.
set -euo pipefail
cd "$(dirname "$0")/.."
# A full stop in numbers, and the same run on any machine.
export LC_ALL=C CUDA_VISIBLE_DEVICES=
unset SBI_DATA_ROOT

ROWS=(npy-pack preprocess train infer--json infer--csv infer--jsonl infer--annotate)
SIGNALS=(KILL TERM INT KILL KILL INT TERM KILL)
# Seconds after a signal, and for a whole run, on a machine that does much else.
PATIENCE=60
RUN_LIMIT=300
# Faults of a row whose folders are kept: a run of training leaves 70 MB.
KEPT=5

die() { printf 'kill_campaign: error: %s\n' "$*" >&2; exit 2; }
case ${1:-} in -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
kills=${1:-100}
[[ $kills =~ ^[1-9][0-9]*$ ]] || die "$kills is no number of kills (see --help)"
rows=("${@:2}")
[ ${#rows[@]} -gt 0 ] || rows=("${ROWS[@]}")
for row in "${rows[@]}"; do
  [[ " ${ROWS[*]} " == *" $row "* ]] || die "unknown row $row, expected one of: ${ROWS[*]}"
done
seed=${SEED:-$(($(date +%s) % 32768))}
sbi=${SBI:-target/release/sbi}
[ -n "${SBI:-}" ] || cargo build --release --bins
sbi=$(realpath "$sbi")
sample_set=$(dirname "$sbi")/sample_set
for program in "$sbi" "$sample_set"; do [ -x "$program" ] || die "$program is missing"; done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sbi-kills.XXXXXX")
sample=$scratch/sample
# The folder that is written to, always the same one, because records hold paths.
now=$scratch/now
faults=$scratch/faults.txt
# Every process of a run carries it.
export KILL_CAMPAIGN=$scratch
mkdir "$scratch/tmp"
export TMPDIR=$scratch/tmp
touch "$faults" "$scratch/began"
# Read from with a time limit: a pause that starts no process.
mkfifo "$scratch/never"
exec {never}<>"$scratch/never"
pid=
trap 'status=$?; [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  if [ "$status" = 0 ]; then rm -rf "$scratch"; else echo "kill_campaign: everything is kept in $scratch" >&2; fi' EXIT
trap 'exit 130' INT TERM

# COMMAND FLAG. All is read, so that the program's end is no broken pipe.
knows() { "$sbi" "$1" --help | grep -e "$2[ ,]" -e "$2\$" >/dev/null; }
microseconds() { printf -v "$1" %s "${EPOCHREALTIME/./}"; }
pause() { read -rt "$1" -u "$never" || true; } # SECONDS

# ---- what the rows run, and what counts of it -----------------------------------------------------------
SET=FaceForensics++/original_sequences/youtube/raw
detector=(--detector retinaface-mnet)
originals=$sample/$SET/videos
fakes=$sample/FaceForensics++/manipulated_sequences/Deepfakes/raw/videos
# A few steps an epoch, with what has a state of its own, and a checkpoint that leaves the list of the best.
tiny=(method=sbi epoch=3 batch_size=4 image_size=64 val_every=1 ema=0.9 keep=1 data.n_frames=4)

is_offered() { [[ $1 != infer--* ]] || knows infer "${1#infer}"; } # ROW

fresh() { # ROW
  rm -rf "$now"
  mkdir -p "$now"
  if [ "$1" = preprocess ]; then
    mkdir -p "$now/$SET"
    ln -s "$originals" "$now/$SET/videos"
  fi
}

# The run of training that can go on; none before its first checkpoint.
run_folder() { local runs=("$now"/run*/weights/last.tar); [ ! -e "${runs[0]}" ] || echo "${runs[0]%/weights/*}"; }

# The command that a user would give in the folder as it is. Sets `command`.
choose_command() { # ROW
  local folder
  case $1 in
    npy-pack) command=(npy-pack -d FF -n 2 --data-root "$sample" -s "$now" "${detector[@]}") ;;
    preprocess) command=(preprocess -d Original -n 4 --data-root "$now" "${detector[@]}") ;;
    train)
      folder=$(run_folder)
      if [ -n "$folder" ]; then
        command=(train --resume "$folder")
      else
        # A name of its own, because two folders of the same second would have the same one.
        command=(train configs/tiny.json --output "$now" -n "run$((++begun))" "${tiny[@]/#/--set=}")
      fi
      command+=(--data-root "$sample")
      ;;
    infer--annotate) command=(infer -n 2 -i "$originals" --annotate "$now" --heatmaps "$now") ;;
    infer--*)
      command=(infer -n 3 -i "$originals" "$fakes" "${1#infer}" "$now/result.${1#infer--}")
      if [ "$1" = infer--jsonl ] && knows infer --resume; then command+=(--resume); fi
      ;;
  esac
}
begun=0

# A line per file of the result: the hash of what neither the clock nor the number of runs decides, and its name.
facts() { # ROW
  local folder=$now file
  [ "$1" != train ] || folder=$(run_folder)
  [ -n "$folder" ] || return 0
  (
    cd "$folder"
    # A resumed run opens another file of events.
    find . -type f ! -name '.tmp-*' ! -name 'events.out.*' | sort | while read -r file; do
      case $file in
        */metrics.jsonl) sed -E 's/"(seconds|pairs_per_second|waiting_share)":[^,}]*//g' "$file" ;;
        */preprocess_*.txt) sed '/^videos /d' "$file" ;;
        */result.json*) sed -E 's/"(seconds|faces_per_second)": ?[^,}]*//g' "$file" ;;
        # The encoder gives other bytes each time.
        *.mp4) echo ;;
        *) cat "$file" ;;
      esac | sha256sum | sed "s|-\$|$file|"
    done
  )
}

# ---- one run, one kill ----------------------------------------------------------------------------------
# Runs the row's command to its end, with $log for what it says. Sets `took`, in microseconds.
complete() { # ROW
  local from to status=0
  choose_command "$1"
  microseconds from
  timeout -k 5 "$RUN_LIMIT" "$sbi" "${command[@]}" -q >"$log" 2>&1 || status=$?
  microseconds to
  took=$((to - from))
  return "$status"
}

# Starts the row's command and sends a signal after a while. Sets `status` and, as the time from the signal to the end,
# `took`.
kill_run() { # ROW SIGNAL MICROSECONDS
  local from to whom
  choose_command "$1"
  # In a group of its own, and with Ctrl-C as the shell of a user leaves it: a script's background processes ignore it.
  setsid env --default-signal=INT "$sbi" "${command[@]}" -q >"$log" 2>&1 &
  pid=$!
  pause "$(printf '%d.%06d' $(($3 / 1000000)) $(($3 % 1000000)))"
  microseconds from
  whom=$pid
  [ "$2" != INT ] || whom=-$pid
  kill -s "$2" -- "$whom" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do
    pause 0.002
    microseconds to
    if ((to - from > PATIENCE * 1000000)); then
      fault other "does not end within $PATIENCE s"
      kill -KILL "$pid"
    fi
  done
  microseconds to
  took=$((to - from))
  status=0
  wait "$pid" 2>/dev/null || status=$?
  pid=
}

# Processes of this campaign's runs.
still_running() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$process/exe" -ef "$sbi" ] && grep -qsz "^KILL_CAMPAIGN=$scratch\$" "$process/environ"; then
      echo "${process##*/}"
    fi
  done
}

# Nothing of a run outlives it for long. What does is ended.
check_processes() {
  local try left
  for try in {1..50}; do
    left=$(still_running)
    [ -n "$left" ] || return 0
    pause 0.02
  done
  fault other "still running a second later: $(tr '\n' ' ' <<<"$left")"
  # shellcheck disable=SC2086
  kill -KILL $left 2>/dev/null || true
}

unfinished() { find "$now" -name '.tmp-*' | wc -l; }

# Counts a fault, says it, and keeps the folder as it was after the kill and as it is.
fault() { # KIND TEXT
  local place=$scratch/fault-$row-$number
  count[$1]=$((count[$1] + 1))
  printf '%s, kill %s (%s, %s folder, after %s ms of %s): %s\n' "$row" "$number" "$signal" "$mode" \
    $((delay / 1000)) $((duration / 1000)) "$2" | tee -a "$faults" >&2
  if [ ! -e "$place" ] && ((++kept <= KEPT)); then
    mkdir "$place"
    cp -a "$now" "$place/now"
    [ ! -e "$scratch/killed" ] || cp -a "$scratch/killed" "$place/killed"
    cp "$log" "$place/log"
  fi
}

# The run of this row that nobody disturbs, twice. Sets `whole`, how long it takes.
make_reference() {
  local half
  for half in first second; do
    fresh "$row"
    number=0
    complete "$row" || { cat "$log" >&2; die "$row fails without a kill"; }
    facts "$row" >"$scratch/$half"
  done
  whole=$took
  diff "$scratch/first" "$scratch/second" >&2 || die "$row gives other results without a kill"
  [ -s "$scratch/first" ] || die "$row gives no files"
  rm -rf "$scratch/reference"
  mv "$now" "$scratch/reference"
  problems=$(scripts/whole_files.py "$sbi" "$scratch/reference" "$scratch/none") || die "without a kill: $problems"
}

# What the kill left: files, processes. The folder is kept for the next kill and for whoever looks into a fault.
check_what_is_left() {
  local problem there
  rm -rf "$scratch/killed"
  cp -a "$now" "$scratch/killed"
  check_processes
  problems=$(scripts/whole_files.py "$sbi" "$now" "$scratch/reference") || {
    while read -r problem; do fault half "$problem"; done <<<"$problems"
  }
  there=$(unfinished)
  count[left]=$((count[left] + there))
}

# The next run: it completes, to the same result.
check_next_run() {
  local there
  rest=0
  if ! complete "$row"; then
    fault failed "the next run fails: $(tail -n 1 "$log")"
    return
  fi
  rest=$took
  facts "$row" >"$scratch/facts"
  if ! diff "$scratch/first" "$scratch/facts" >"$scratch/difference"; then
    fault differ "another result: $(grep -c '^[<>]' "$scratch/difference") lines, $(sed -n '2s/ [0-9a-f]*  / /p' "$scratch/difference")"
  fi
  there=$(unfinished)
  count[stay]=$((count[stay] + there))
  find "$now" -name '.tmp-*' -printf '%h\n' | sed "s|^$now|$row: |" >>"$scratch/stay"
}

# One kill and what follows. Sets `struck` to whether it hit a run that was under way.
strike() {
  local draw=$RANDOM
  if ((number % 2)) || [ ! -e "$scratch/killed" ] || ((rest == 0)); then
    mode=fresh duration=$whole
    fresh "$row"
    rm -rf "$scratch/killed"
  else
    mode=half-done duration=$rest
    rm -rf "$now"
    cp -a "$scratch/killed" "$now"
  fi
  delay=$((duration * draw / 32768))
  kill_run "$row" "$signal" "$delay"
  struck=0
  if ((status == 0)); then
    # Over before the signal, or too near the end to leave anything off.
    [ "$mode" = half-done ] || whole=$((delay < whole ? delay : whole))
    rest=$((rest / 2 + 1))
    return
  fi
  struck=1
  count[$signal]=$((count[$signal] + 1))
  ((took <= slowest[$signal])) || slowest[$signal]=$took
  case $signal,$status in
    KILL,137 | TERM,143 | *,130) ;;
    *) fault other "ends with status $status: $(tail -n 1 "$log")" ;;
  esac
  check_what_is_left
  check_next_run
  # A whole run takes no less than the rest of one, and no more than both parts: how busy the machine is changes.
  if [ "$mode" = fresh ] && ((rest > 0)); then
    whole=$((whole < rest ? rest : whole > delay + rest ? delay + rest : whole))
  fi
}

# ---- the campaign ---------------------------------------------------------------------------------------
echo "kill_campaign: seed $seed, $kills kills a row, in $scratch"
log=$scratch/log
"$sample_set" data/sample/astronaut.png "$sample" >/dev/null 2>"$log" || { cat "$log" >&2; die "no sample"; }
"$sbi" preprocess -q -d Original -n 4 --data-root "$sample" "${detector[@]}" >/dev/null
table=$scratch/table
layout='%-16s %6s %5s %5s %5s  %6s %7s %7s %6s  %6s %6s  %9s %9s\n'
# shellcheck disable=SC2059
printf "$layout" command kills KILL TERM INT half failed differ- other left stay slowest 'end, s' >"$table"
# shellcheck disable=SC2059
printf "$layout" '' '' '' '' '' files resumes ences faults .tmp- .tmp- TERM INT >>"$table"
declare -A count slowest
for row in "${rows[@]}"; do
  is_offered "$row" || { echo "kill_campaign: $row: this sbi has no ${row#infer}, left out"; continue; }
  count=([KILL]=0 [TERM]=0 [INT]=0 [half]=0 [failed]=0 [differ]=0 [other]=0 [left]=0 [stay]=0)
  slowest=([KILL]=0 [TERM]=0 [INT]=0)
  signal=- mode=- delay=0 duration=0 kept=0 late=0 rest=0
  make_reference
  echo "kill_campaign: $row: a run takes $((whole / 1000)) ms"
  rm -rf "$scratch/killed"
  # By row, so that one of them alone draws the same.
  RANDOM=$seed
  for ((number = 1; number <= kills; number++)); do
    signal=${SIGNALS[(number - 1) % 8]}
    struck=0
    until ((struck)); do
      strike
      ((struck || ++late <= 20 + 2 * kills)) || die "$row: $late signals came too late, or are not obeyed"
    done
  done
  seconds() { printf '%d.%03d' $(($1 / 1000000)) $(($1 / 1000 % 1000)); }
  # shellcheck disable=SC2059
  printf "$layout" "${row/--/ --}" "$kills" "${count[KILL]}" "${count[TERM]}" "${count[INT]}" "${count[half]}" \
    "${count[failed]}" "${count[differ]}" "${count[other]}" "${count[left]}" "${count[stay]}" \
    "$(seconds "${slowest[TERM]}")" "$(seconds "${slowest[INT]}")" >>"$table"
  tail -n 1 "$table"
done

printf '\n'
cat "$table"
if [ -s "$scratch/stay" ]; then
  printf '\nUnfinished files that stay after the next run, which took no notice of them (number, row, folder):\n'
  sort "$scratch/stay" | uniq -c
fi
rm -f "$log"
if [ -n "$(ls -A "$TMPDIR")" ]; then printf '\nLeft in TMPDIR:\n'; ls -A "$TMPDIR"; fi
shared=$(find /dev/shm -type f -newer "$scratch/began" 2>/dev/null) || true
[ -z "$shared" ] || printf '\nIn /dev/shm since the start, of whomever:\n%s\n' "$shared"
if [ -s "$faults" ]; then
  printf '\n%s faults; seed %s:\n' "$(wc -l <"$faults")" "$seed"
  cat "$faults"
  exit 1
fi
