"""Five philosophers take the fork on their left, then the one on their right."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def dine(number, forks, hungry, ate):
    left, right = number, (number + 1) % len(forks)
    with forks[left]:
        print(f"philosopher {number} has fork {left}, wants fork {right}", flush=True)
        hungry.wait()  # so that it happens today: each of them has one fork
        with forks[right]:
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
