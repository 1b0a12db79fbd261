#!/usr/bin/env bash
# Run all demos, one after the other, on real processes, sockets and pages; asks nothing, ends by itself.
set -euo pipefail

folder=$(mktemp -d)
server=
clean_up() {
    rm -rf "$folder"
    if [ -n "$server" ]; then kill "$server"; fi
}
trap clean_up EXIT

headline() {
    printf '\n\n=== %s\n\n' "$1"
}

show() {
    printf '$ procdemo %s\n' "$*"
    procdemo "$@"
}

headline "1. Starting a process, two ways"
show spawn

headline "2. A process for each client: three clients, three PIDs, all served at once"
show echo-server --port 0 --clients 3

headline "3. The same server in the background, and a client that reads a pipe"
mkfifo "$folder/stdout"
printf '$ procdemo echo-server --port 0 -q &\n'
procdemo echo-server --port 0 -q >"$folder/stdout" &
server=$!
exec 3<"$folder/stdout"
read -r listening host port <&3
echo "$listening $host $port"
printf '$ printf "hello\\nprocesses\\n" | procdemo echo-client --port %s\n' "$port"
printf 'hello\nprocesses\n' | procdemo echo-client --port "$port"
printf '$ kill -TERM %s\n' "$server"
kill -TERM "$server"
cat <&3
wait "$server"
server=

headline "4. Two workers, three clients: the third is connected, and waits"
show pool-server --workers 2 --clients 3 --port 0

headline "5. Workers that accept for themselves; one of them is killed, and replaced"
show prefork-server --workers 2 --clients 3 --port 0 --kill worker-0@0.3

headline "6. An event loop in each worker: no client waits"
show selector-server --workers 2 --clients 6 --port 0

headline "7. Producers, a bounded queue, consumers"
show prodcons --producers 2 --consumers 2 --items 12

headline "8. A pool whose workers are killed: nothing is lost"
show supervise --items 20 --workers 2 --kill worker-0@0.1

headline "9. Workers download, the callback in the parent parses"
show crawl-callback --max-pages 20

headline "10. Two processes, one counter: in most orders an update is lost"
show race --all -q

headline "11. The same work in threads and in processes"
show gil --seconds 0.2

headline "12. A script that hangs: which process waits for which"
show lab join-before-drain

cat <<'END'


=== What to try next

  procdemo pool-server --workers 2 --port 8080        and in three other terminals
  procdemo echo-client --port 8080                    see the third one wait
  procdemo prodcons --ack early                       work that is lost, by name
  procdemo spawn --start-method forkserver            whose child is it?
  procdemo race --step                                you are the scheduler
  procdemo lab                                        what else goes wrong, and why
  procdemo source prodcons                            forty lines to take home
  procdemo prodcons --json > run.jsonl                keep a run, then
  procdemo replay run.jsonl                           show it again

  (first: source .venv/bin/activate)
END
