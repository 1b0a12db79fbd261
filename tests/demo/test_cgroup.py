"""The limits of control groups, read from folders that look as the kernel's do."""

import math

import pytest

from procdemo.demo import cgroup, settings

V1_MOUNT = "30 25 0:26 {root} {top}/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct"
V2_MOUNT = "31 25 0:27 {root} {top}/unified rw - cgroup2 cgroup2 rw,nsdelegate"
OTHERS = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 1 0:5 / {top}/memory rw - cgroup cgroup rw,memory"
A, B = "unified/a/cpu.max", "unified/a/b/cpu.max"


def host(tmp_path, mounts, own, files, root="/"):
    """Make the /proc folder of a process and the mounts; return the folder."""
    proc = tmp_path / "proc"
    proc.mkdir()
    lines = [OTHERS, *mounts]
    (proc / "mountinfo").write_text("\n".join(lines).format(top=tmp_path, root=root) + "\n")
    (proc / "cgroup").write_text("\n".join(own) + "\n")
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return str(proc)


def v1(folder, quota, period=100_000):
    return {f"cpu{folder}/cpu.cfs_quota_us": quota, f"cpu{folder}/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("layout", "quota"),
    [
        (([V2_MOUNT], ["0::/a"], {A: "150000 100000"}, "/"), 1.5),
        (([V2_MOUNT], ["0::/a"], {A: "max 100000"}, "/"), None),
        (([V2_MOUNT], ["0::/a/b/c"], {"unified/a/b/c/cpu.max": "max 9", A: "5 10"}, "/"), 0.5),
        (([V2_MOUNT], ["0::/a/b"], {B: "300 100", A: "200 100"}, "/"), 2),
        (([V2_MOUNT], ["0::/a/b"], {B: "100 100", A: "200 100"}, "/"), 1),
        (([V2_MOUNT], ["0::/"], {"unified/cpu.max": "100 100"}, "/"), 1),  # a namespace of its own
        (([V2_MOUNT], ["0::/../other"], {"unified/cpu.max": "300 100"}, "/"), 3),
        (([V2_MOUNT], ["0::/a b"], {"unified/a b/cpu.max": "100 100"}, "/"), 1),
        (([V2_MOUNT], ["0::/a"], {A: "nonsense"}, "/"), None),
        (([V2_MOUNT], ["0::/a"], {A: "100 0"}, "/"), None),
        (([V2_MOUNT], ["0::/a"], {}, "/"), None),
        (([V1_MOUNT], ["4:cpu,cpuacct:/a"], v1("/a", 250_000), "/"), 2.5),
        (([V1_MOUNT], ["4:cpu,cpuacct:/a"], v1("/a", -1), "/"), None),
        (([V1_MOUNT], ["4:cpu,cpuacct:/a/b"], v1("/a/b", -1) | v1("/a", 50_000), "/"), 0.5),
        (([V1_MOUNT], ["4:cpu,cpuacct:/docker/12"], v1("", 100_000), "/docker/12"), 1),  # as Docker mounts it
        (([V1_MOUNT], ["4:cpu,cpuacct:/docker/12/x"], v1("/x", 100_000), "/docker/12"), 1),
        (([V1_MOUNT], ["4:cpu,cpuacct:/docker/123"], v1("", 50_000), "/docker/12"), 0.5),  # not below
        (([V1_MOUNT], ["4:cpuset:/a", "3:memory:/a"], v1("/a", 100_000), "/"), None),
        (([V1_MOUNT, V2_MOUNT], ["4:cpu,cpuacct:/a", "0::/b"], v1("/a", 200_000), "/"), 2),
        (([V1_MOUNT, V2_MOUNT], ["4:cpu:/a", "0::/a"], v1("/a", 2, 1) | {A: "1 1"}, "/"), 1),
        (([], ["0::/a"], {}, "/"), None),
        (([], [], {}, "/"), None),
        (([V2_MOUNT], ["nonsense", "0::/a"], {A: "1 1"}, "/"), 1),
        ((["nonsense - cgroup2", V2_MOUNT], ["0::/a"], {A: "1 1"}, "/"), 1),
    ],
)  # fmt: skip
def test_the_smallest_quota_of_a_group_and_its_ancestors_counts(tmp_path, layout, quota):
    assert cgroup.cpu_quota(host(tmp_path, *layout)) == quota


def test_a_mount_with_a_blank_in_its_name_is_found(tmp_path):
    mount = V2_MOUNT.replace("unified", r"uni\040fied")
    proc = host(tmp_path, [mount], ["0::/a"], {"uni fied/a/cpu.max": "100 100"})
    assert cgroup.cpu_quota(proc) == 1


def test_without_proc_there_is_no_quota(tmp_path):
    assert cgroup.cpu_quota(str(tmp_path / "nothing")) is None
    assert cgroup.full_of_processes(str(tmp_path / "nothing")) is None
    assert cgroup.kills_for_memory(str(tmp_path / "nothing"))[0] == 0


@pytest.mark.parametrize(
    ("most", "current", "full"), [("10", "10", 10), ("10", "9", None), ("max", "9", None), ("10", "", None)]
)
def test_a_group_is_full_of_processes(tmp_path, most, current, full):
    files = {"unified/a/pids.max": most, "unified/a/pids.current": current}
    assert cgroup.full_of_processes(host(tmp_path, [V2_MOUNT], ["0::/a/b"], files)) == full


@pytest.mark.parametrize(
    ("mounts", "own", "files", "found"),
    [
        ([V2_MOUNT], "0::/a", {"unified/a/events": "oom 3\noom_kill 2", "unified/a/max": 64}, (2, 64)),
        ([V2_MOUNT], "0::/a", {"unified/a/events": "oom_kill 0", "unified/a/max": "max"}, (0, 1 << 63)),
        ([], "5:memory:/a", {"memory/a/oom_control": "oom_kill 1", "memory/a/limit_in_bytes": 32}, (1, 32)),
    ],
)  # fmt: skip
def test_what_the_kernel_killed_for_memory_is_counted(tmp_path, mounts, own, files, found):
    files = {name.replace("a/", "a/memory."): text for name, text in files.items()}
    assert cgroup.kills_for_memory(host(tmp_path, mounts, [own], files)) == found


@pytest.mark.parametrize(
    ("quota", "allowed", "usable", "why"),
    [
        (None, 8, 8, ""),
        (None, 2, 2, "of 8: the CPU affinity allows no others"),
        (1.0, 8, 1, "of 8: the CPU quota of the control group is 1"),
        (1.01, 8, 2, "of 8: the CPU quota of the control group is 1.01"),
        (0.01, 8, 1, "of 8: the CPU quota of the control group is 0.01"),
        (3.5, 2, 2, "of 8: the CPU affinity allows no others"),
        (64.0, 8, 8, ""),
    ],
)
def test_the_smaller_of_affinity_and_quota_counts(monkeypatch, quota, allowed, usable, why):
    monkeypatch.setattr(settings, "_quota", lambda: quota)
    monkeypatch.setattr(settings, "_allowed_cpus", lambda: allowed)
    monkeypatch.setattr(settings.os, "cpu_count", lambda: 8)
    assert settings.usable_cpus() == usable == max(min(allowed, math.ceil(quota or allowed)), 1)
    assert settings.limit_of_cpus() == why
