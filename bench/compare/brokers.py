"""Starting, pausing, killing and measuring one broker, and running the generator against it."""

import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import machine

TOP = pathlib.Path(__file__).resolve().parents[2]
PROBE = "compare-probe"


class BrokerFailed(RuntimeError):
    pass


class Setup:
    """Where things are and which core does what."""

    def __init__(self, mbench, moldau, data, broker_cpu, generator_cpu):
        self.mbench = str(mbench)
        self.moldau = str(moldau)
        self.kafka = str(TOP / "tests" / "reference" / "kafka")
        self.data = pathlib.Path(data)
        self.broker_cpu = broker_cpu
        self.generator_cpu = generator_cpu

    def pinned(self, cpu, command):
        return command if cpu is None else ["taskset", "-c", str(cpu), *command]


class Broker:
    """One broker of `kind` 'kafka' or 'moldau' with its own directory and port."""

    def __init__(self, setup, side, kind, port, properties=()):
        self.setup = setup
        self.side = side
        self.kind = kind
        self.port = port
        self.directory = setup.data / f"{side}-{kind}"
        self.properties = {"log.segment.delete.delay.ms": "1000", **dict(properties)}
        self.process = None
        self.paused = False
        self.probe_made = False
        self.started_ns = 0

    # Life

    def prepare(self):
        """An empty directory; Kafka's is formatted, which Moldau does by itself."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.probe_made = False
        if self.kind != "kafka":
            return
        properties = self.directory / "format.properties"
        properties.write_text(_text(self._kafka_format_properties()))
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "_")
        self._tool("storage", "format", "--standalone", "-t", cluster, "-c", str(properties))

    def start(self):
        """Starts the process and returns at once; wait_ready() waits."""
        log = (self.directory / "log").open("ab")
        self.started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.process = subprocess.Popen(
            self.setup.pinned(self.setup.broker_cpu, self._command()),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "HEAP": "1g"},
        )
        log.close()
        self.paused = False

    def wait_ready(self, timeout_s=300):
        """Until it acknowledges; at once an error when the process ends."""
        arguments = ["--topic", PROBE, "--timeout", "5"]
        if self.probe_made:
            arguments.append("--no-create")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.mbench("first-ack", arguments)
                self.probe_made = True
                return
            except BrokerFailed:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise

    def stop(self):
        """Orderly, then by force."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        """Lets it run again and waits until it acknowledges."""
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
            self.paused = False
            self.wait_ready()

    # Measures

    @property
    def pid(self):
        return self.process.pid

    def cpu_s(self):
        return machine.process_cpu_s(self.pid)

    # Work

    @property
    def server(self):
        return f"127.0.0.1:{self.port}"

    def mbench_command(self, verb, arguments):
        command = [self.setup.mbench, verb, "--server", self.server, *arguments]
        if self.process is not None:
            command += ["--cpu-of", str(self.pid)]
        return self.setup.pinned(self.setup.generator_cpu, command)

    def mbench(self, verb, arguments, may_fail=False):
        """Runs the generator and returns its JSON."""
        done = subprocess.run(
            self.mbench_command(verb, arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0 and not (may_fail and done.stdout):
            raise BrokerFailed(
                f"{self.side} ({self.kind}): mbench {verb} {' '.join(arguments)}: "
                f"status {done.returncode}: {done.stderr.strip()} {_faults(done.stdout)}"
                f"{self._last_words()}"
            )
        return json.loads(done.stdout)

    def create(self, topic, partitions, config=()):
        arguments = ["--topic", topic, "--partitions", str(partitions)]
        for name, value in config:
            arguments += ["--topic-config", f"{name}={value}"]
        self.mbench("create", arguments)

    def delete(self, topic, timeout_s=60):
        """Deletes a topic and waits until its files are gone: unlinking a large segment stalls the
        file system, and must not do so under the next measurement."""
        self.mbench("delete", ["--topic", topic])
        deadline = time.monotonic() + timeout_s
        data = self.directory / "data"
        while any(name.startswith(topic + "-") for name in os.listdir(data)):
            if time.monotonic() > deadline:
                raise BrokerFailed(f"{self.side}: the files of {topic} are still there")
            time.sleep(0.1)

    def version(self):
        if self.kind == "kafka":
            pom = (TOP / "tests" / "reference" / "pom.xml").read_text()
            return "Apache Kafka " + pom.split("<kafka>")[1].split("</kafka>")[0]
        done = subprocess.run(
            [self.setup.moldau, "version"], capture_output=True, text=True, check=False
        )
        words = done.stdout.split()
        return " ".join(words[:2]) if done.returncode == 0 and words else "moldau"

    def _last_words(self):
        ended = self.process is not None and self.process.poll() is not None
        said = f"; the broker ended with status {self.process.returncode}" if ended else ""
        log = self.directory / "log"
        tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
        return said + ("\nits log ends:\n" + tail if tail else "")

    # The two kinds

    def _command(self):
        if self.kind == "kafka":
            properties = [f"{name}={value}" for name, value in self.properties.items()]
            return [self.setup.kafka, "broker", str(self.directory), str(self.port), *properties]
        path = self.directory / "server.properties"
        path.write_text(_text({
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://{self.server}",
            "advertised.listeners": f"PLAINTEXT://{self.server}",
            "log.dirs": str(self.directory / "data"),
            **self.properties,
        }))
        return [self.setup.moldau, "serve", "--properties", str(path),
                "--set", f"http.address=127.0.0.1:{self.port + 1}"]

    def _kafka_format_properties(self):
        controller = f"127.0.0.1:{self.port + 10000}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": controller,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.server},CONTROLLER://{controller}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
        }

    def _tool(self, *arguments):
        done = subprocess.run(
            [self.setup.kafka, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BrokerFailed(f"kafka {arguments[0]}: {done.stderr.strip()[-800:]}")


def _faults(output):
    """Of the generator's JSON, what says why it was not content."""
    try:
        out = json.loads(output)
    except ValueError:
        return output[:600]
    named = ("errors", "lost_connections", "fetch", "complete", "acked", "attempts")
    return json.dumps({name: out[name] for name in named if name in out})


def _text(properties):
    return "".join(f"{name}={value}\n" for name, value in properties.items())
