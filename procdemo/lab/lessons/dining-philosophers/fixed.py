"""Five philosophers take the fork with the lower number, then the other one."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def dine(number, forks, hungry, ate):
    first, second = sorted((number, (number + 1) % len(forks)))
    hungry.wait()  # all of them begin at the same time
    with forks[first]:
        print(f"philosopher {number} has fork {first}, wants fork {second}", flush=True)
        with forks[second]:
            print(f"philosopher {number} eats", flush=True)
            with ate:
                ate.value += 1


if __name__ == "__main__":
    forks = [mp.Lock() for _ in range(5)]
    hungry = mp.Barrier(5)
    ate = mp.Value("i", 0)
    philosophers = [mp.Process(target=dine, args=(n, forks, hungry, ate)) for n in range(5)]
    for philosopher in philosophers:
        philosopher.start()
    for philosopher in philosophers:
        philosopher.join()
    print(f"ate: expected 5, got {ate.value}")
