#!/usr/bin/env bash
# A tour of all demos, on real processes, sockets and pages; asks nothing, ends by itself.
set -euo pipefail

folder=$(mktemp -d)
server=
leave() {
    rm -rf "$folder"
    if [ -n "$server" ]; then kill "$server"; fi
}
trap leave EXIT

act() {
    printf '\n\n=== %s\n\n' "$1"
}

show() {
    printf '$ procdemo %s\n' "$*"
    procdemo "$@"
}

act "1. Starting a process, two ways"
show spawn

act "2. A process for each client: three clients, three PIDs, all served at once"
show echo-server --port 0 --clients 3

act "3. The same server in the background, and a client that reads a pipe"
mkfifo "$folder/said"
printf '$ procdemo echo-server --port 0 -q &\n'
procdemo echo-server --port 0 -q >"$folder/said" &
server=$!
exec 3<"$folder/said"
read -r listening host port <&3
echo "$listening $host $port"
printf '$ printf "hello\\nprocesses\\n" | procdemo echo-client --port %s\n' "$port"
printf 'hello\nprocesses\n' | procdemo echo-client --port "$port"
printf '$ kill -TERM %s\n' "$server"
kill -TERM "$server"
cat <&3
wait "$server"
server=

act "4. Two workers, three clients: the third is connected, and waits"
show pool-server --workers 2 --clients 3 --port 0

act "5. Workers that accept for themselves; one of them is killed, and replaced"
show prefork-server --workers 2 --clients 3 --port 0 --kill worker-0@0.3

act "6. An event loop in each worker: nobody waits"
show selector-server --workers 2 --clients 6 --port 0

act "7. Producers, a bounded queue, consumers"
show prodcons --producers 2 --consumers 2 --items 12

act "8. A pool whose workers are killed: nothing is lost"
show supervise --items 20 --workers 2 --kill worker-0@0.1

act "9. Workers download, the callback in the parent parses"
show crawl-callback --max-pages 20

act "10. Two processes, one counter: in most orders an update is lost"
show race --all -q

act "11. The same work in threads and in processes"
show gil --seconds 0.2

act "12. What hangs, and who waits for whom"
show lab join-before-drain

cat <<'END'


=== What to try next

  procdemo pool-server --workers 2 --port 8080        and in three other terminals
  procdemo echo-client --port 8080                    see the third one wait
  procdemo prodcons --ack early                       work that is lost, by name
  procdemo spawn --start-method forkserver            whose child is it?
  procdemo race --step                                you are the scheduler
  procdemo lab                                        what else goes wrong, and why
  procdemo source prodcons                            the lesson itself
  procdemo prodcons --json > run.jsonl                keep a run, then
  procdemo replay run.jsonl                           show it again

  (first: source .venv/bin/activate)
END
