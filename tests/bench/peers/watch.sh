#!/bin/bash
# The watch's check as a shell script: redis-cli for each key, systemd-analyze for each plan.
#
#   watch.sh SOCKET
set -euo pipefail

redis() { redis-cli -s "$socket" "$@"; }

socket=$1
day_ago=$(($(date +%s) - 86400))
nodes=$(redis HVALS cluster/module_node | sort -u)
for plan in $(seq "$(redis GET cluster/backup_sequence)"); do
    schedule=$(redis HGET "cluster/backup/$plan" schedule)
    modules=$(redis HGET "cluster/backup/$plan" instances | wc -w)
    due=$(TZ=UTC systemd-analyze calendar --base-time="@$day_ago" -- "$schedule" | sed -n 's/.*Next elapse: //p')
    due=$(date -d "$due" +%s)
    found=0
    for node in $nodes; do
        while read -r _ && read -r result; do
            [[ $result =~ \"start\":\ ([0-9]+).*\"errors\":\ 0 ]] && [ "${BASH_REMATCH[1]}" -ge "$due" ] && found=$((found + 1))
        done < <(redis HGETALL "node/$node/backup_status/$plan")
    done
    [ "$found" -eq "$modules" ] || echo "plan $plan: $((modules - found)) of $modules module(s) without a good result"
done
