"""Two processes add one to a counter: the order of their steps decides."""

import multiprocessing


def add_one(name, counter, gate):
    gate.recv()  # waits for its turn
    value = counter.value
    print(f"  {name} reads {value}", flush=True)
    gate.send("done")
    gate.recv()
    value += 1
    print(f"  {name} adds 1 in its own memory: {value}", flush=True)
    gate.send("done")
    gate.recv()
    counter.value = value
    print(f"  {name} writes {value}", flush=True)
    gate.send("done")


def run(order):
    print(f"order {order}:", flush=True)
    counter = multiprocessing.Value("i", 0)
    gates, processes = {}, []
    for name in "AB":
        gates[name], theirs = multiprocessing.Pipe()
        args = (name, counter, theirs)
        processes.append(multiprocessing.Process(target=add_one, args=args))
        processes[-1].start()
    for name in order:  # here main is the scheduler; usually it is the kernel
        gates[name].send("go")
        gates[name].recv()  # waits until the step is done
    for process in processes:
        process.join()
    print(f"order {order}: expected 2, got {counter.value}", flush=True)


if __name__ == "__main__":
    run("AAABBB")
    run("ABABAB")  # both read 0 before one of them writes: an update is lost
