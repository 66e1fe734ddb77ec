"""What the machine is, and how quiet it was while something was measured."""

import mmap
import os
import pathlib
import platform
import time

TICKS = os.sysconf("SC_CLK_TCK")


def process_cpu_s(pid):
    """CPU used since its start by all threads of a process, ended ones too: the scheduler's exact
    sum. (Linux: the CPU clock of another process is -(pid+1) << 3 | 2.)"""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def resident_mb(pid):
    """Resident memory by kind: everything, and what is the process's own (no file pages)."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("VmRSS:", "RssAnon:", "RssShmem:")):
            name, kb = line.split()[:2]
            sizes[name[:-1]] = int(kb) / 1000 * 1.024
    return sizes["VmRSS"], sizes["RssAnon"] + sizes["RssShmem"]


def thread_count(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class Quiet:
    """Watches the whole machine between its making and `read`."""

    def __init__(self):
        self.began_s = time.monotonic()
        self.busy, self.steal, self.total = self._now()

    @staticmethod
    def _now():
        for line in pathlib.Path("/proc/stat").read_text().splitlines():
            if line.startswith("cpu "):
                user, nice, system, idle, iowait, irq, softirq, steal = map(
                    int, line.split()[1:9]
                )
                busy = user + nice + system + irq + softirq
                return busy, steal, busy + idle + iowait + steal
        raise RuntimeError("/proc/stat has no line 'cpu'")

    def read(self, ours_cpu_s):
        """Steal, and CPU used by others than broker and generator, in % of all cores."""
        busy, steal, total = (now - then for now, then in zip(self._now(), self._before()))
        if total <= 0:
            return {"steal_percent": 0.0, "foreign_percent": 0.0}
        foreign = max(0.0, busy - ours_cpu_s * TICKS)
        return {
            "steal_percent": round(100 * steal / total, 2),
            "foreign_percent": round(100 * foreign / total, 2),
        }

    def _before(self):
        return self.busy, self.steal, self.total


def touch_memory(size):
    """Uses so many bytes of memory once and gives them back. The first use of a page costs a virtual
    machine ten times what a later one does, since its host has to find the memory, and takes free
    memory away again within seconds; a server of one's own has no such pages."""
    populate = 0x8000  # MAP_POPULATE
    step = 256 << 20
    held = [mmap.mmap(-1, step, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populate)
            for _ in range(size // step)]
    for part in held:
        part.close()


def _read(path):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return "unknown"


def describe(data_directory):
    cpu = "unknown"
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "file_system": _file_system(data_directory),
        "tcp_congestion_control": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "tcp_rmem": _read("/proc/sys/net/ipv4/tcp_rmem"),
        "tcp_wmem": _read("/proc/sys/net/ipv4/tcp_wmem"),
        "time_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _file_system(directory):
    device = os.stat(directory).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _read("/proc/self/mountinfo").splitlines():
        fields = line.split()
        if fields[2] == wanted:
            kind = fields[fields.index("-") + 1]
            return f"{kind} ({fields[5]})"
    return "unknown"
