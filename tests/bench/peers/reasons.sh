#!/bin/bash
# The usual commands for "why did it fail": the journal once for each module.
#
#   reasons.sh FOLDER SINCE UNTIL MODULE…
set -euo pipefail
folder=$1 since=$2 until=$3
shift 3
for module in "$@"; do
    journalctl --directory="$folder" --since="@$since" --until="@$until" -t runagent -t agent@node -o cat |
        sed -n "/^$module: starting backup/,/^$module: backup/p" | grep -i error | tail -n 5
done
