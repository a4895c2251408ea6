#!/bin/bash
# What Debian's `webhook` runs for each alert: the same work with redis-cli, restic and msmtp.
#
#   webhook.sh PLAN              reads the plan, probes the repositories, sends a mail
#   webhook.sh correlate PLAN    reads the plan only
#
# From the environment: REDIS (socket), RESULTS (pattern of the keys with results), WAIT and PROBE_TIMEOUT in seconds
# (PROBE_TIMEOUT 0: no probes), SENDMAIL (command), MAIL_FROM, MAIL_TO.
set -euo pipefail

redis() { redis-cli -s "$REDIS" "$@"; }

total=0 failed=()
correlate() {
    local key value success
    while read -r key; do
        [ -n "$key" ] || continue
        if [[ $key == node/* ]]; then
            # module, JSON, module, JSON …
            while read -r module && read -r value; do
                total=$((total + 1))
                [[ $value == *'"errors": 0'* ]] || failed+=("$module")
            done < <(redis HGETALL "$key")
        else
            total=$((total + 1)) success=
            while read -r field && read -r value; do
                case $field=$value in result=success | errors=0) success=1 ;; esac
            done < <(redis HGETALL "$key")
            [ -n "$success" ] || { key=${key#module/} && failed+=("${key%%/*}"); }
        fi
    done < <(redis KEYS "${RESULTS/PLAN/$1}")
}

probe() {
    local key verdict
    while read -r key; do
        [ -n "$key" ] || continue
        declare -A repository=()
        while read -r field && read -r value; do repository[$field]=$value; done < <(redis HGETALL "$key")
        verdict=healthy
        RESTIC_REPOSITORY=${repository[url]:-${repository[path]:-}} RESTIC_PASSWORD=${repository[password]:-} \
            AWS_ACCESS_KEY_ID=${repository[aws_access_key_id]:-} AWS_SECRET_ACCESS_KEY=${repository[aws_secret_access_key]:-} \
            timeout "$PROBE_TIMEOUT" restic snapshots --last --no-cache --json >/dev/null 2>&1 </dev/null || verdict="error $?"
        echo "$key: $verdict"
    done < <(redis KEYS 'cluster/backup_repository/*/parameters')
}

if [ "$1" = correlate ]; then
    correlate "$2"
    exit
fi

sleep "$WAIT"
correlate "$1"
if [ $total -gt 0 ] && [ ${#failed[@]} -eq 0 ]; then
    subject="SUCCESS - all $total module(s) backed up successfully"
elif [ ${#failed[@]} -gt 0 ] && [ ${#failed[@]} -lt $total ]; then
    subject="PARTIAL - ${#failed[@]}/$total module(s) failed"
else
    subject="REPO_FAILURE - $total module(s) failed"
fi
{
    printf 'From: %s\nTo: %s\nSubject: [ns8-backup] %s\n\nPlan %s: %s\n' "$MAIL_FROM" "$MAIL_TO" "$subject" "$1" "$subject"
    [ ${#failed[@]} -eq 0 ] || printf '%s\n' "${failed[@]}"
    [ "$PROBE_TIMEOUT" -eq 0 ] || [ ${#failed[@]} -eq 0 ] || probe
} | $SENDMAIL "$MAIL_TO"
