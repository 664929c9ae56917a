"""Child processes: started, waited for, measured and ended, each by its own id."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class BenchmarkError(Exception):
    """Something the benchmark needs is missing or failed; the message says what."""


def raise_descriptor_limit():
    """Raises this process's descriptor limit, and so its children's, to the hard limit. Returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port(taken, begin=21000, end=31000):
    """A TCP port on loopback that nothing is bound to, below the ephemeral range; adds it to `taken`."""
    for port in range(begin, end):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise BenchmarkError(f"no free port between {begin} and {end}")


def _die_with_parent():
    # Between fork and exec: the child ends even if the harness is killed with -9.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def tail(path, lines=15):
    """The last lines of a log file, for an error message."""
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


class Others:
    """What share of the machine's CPU time went to processes that are none of the benchmark's."""

    def __init__(self, children):
        self.children = children  # called anew each time: proxies come and go

    def reading(self):
        """(the machine's busy seconds, the benchmark's own, wall clock). Steps of 10 ms."""
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:8]]
        user, nice, system, _, _, irq, softirq = fields
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = time.process_time() + ended.ru_utime + ended.ru_stime
        own += sum(child.cpu_seconds() for child in self.children())
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"), own, time.monotonic()

    def share(self, before, after):
        """0 ... 1 between two readings."""
        busy, own, wall = (b - a for a, b in zip(before, after))
        return max(0.0, busy - own) / (wall * os.cpu_count())


class Child:
    """A server or proxy that runs for some time, its output in a log file."""

    def __init__(self, name, command, log):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            try:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=_die_with_parent)
            except OSError as error:
                raise BenchmarkError(f"{name}: cannot start {command[0]}: {error.strerror}") from error

    @property
    def pid(self):
        return self.process.pid

    def check_running(self):
        code = self.process.poll()
        if code is not None:
            raise BenchmarkError(f"{self.name} ended with status {code}:\n{tail(self.log)}")

    def wait_for_port(self, port, seconds):
        """Until something accepts connections at the port. Fails if the child ends or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            self.check_running()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise BenchmarkError(
                        f"{self.name} does not listen at {port} after {seconds} s:\n{tail(self.log)}") from None
                time.sleep(0.02)  # a port that does not listen yet has nothing to wait for

    def cpu_seconds(self):
        """User and system time of all the process's threads, ended ones too: what utime + stime count, in ns steps."""
        self.check_running()
        # The clock id of another process's CPU time: see clock_getcpuclockid(3) and the kernel's CPUCLOCK_SCHED.
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident_bytes(self):
        """Resident memory. From smaps_rollup, since the counters in statm lag behind by some pages per thread."""
        self.check_running()
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Rss:"):
                    return int(line.split()[1]) * 1024
        raise BenchmarkError(f"{self.name}: no Rss in smaps_rollup")

    def descriptors(self):
        """How many descriptors the process has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def end(self, seconds=20):
        """Ends the process: asked first, then killed."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(command, seconds, **options):
    """Runs a command to its end, within the time. Returns its standard output; a failure raises its standard error."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, preexec_fn=_die_with_parent, **options)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{command[0]} did not end within {seconds:.0f} s") from None
    except OSError as error:
        raise BenchmarkError(f"cannot start {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise BenchmarkError(f"{os.path.basename(command[0])} ended with status {done.returncode}: {said}")
    return done.stdout
