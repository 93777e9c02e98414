"""A server that a measurement starts for itself, on a data folder of its own, and its clients."""
import datetime
import hashlib
import http.client
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.path.join(TOP, "build", "release")
PORT = int(os.environ.get("BENCH_PORT", "8731"))


def processor_s(pid):
    """What a process has used of the processors since its start."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_s(pid):
    """Processor time of all hosts below the server, also of those that have ended."""
    total = 0.0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                ticks = sum(int(field) for field in fields[11:15])
                total += ticks / os.sysconf("SC_CLK_TCK") + children_s(int(name))
        except (OSError, IndexError):
            pass  # it has just ended
    return total


def memory_kib(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def forget_peak(pid):
    """From now on VmHWM is the peak since this call (proc(5), clear_refs)."""
    with open(f"/proc/{pid}/clear_refs", "w") as refs:
        refs.write("5")


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def unix_time(text):
    """Of a time as the server writes it, such as an event's ts."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Server:
    def __init__(self, *settings, prefix=()):
        self.data = tempfile.mkdtemp(prefix="darkroom-bench-")
        words = [*prefix, os.path.join(BUILD, "darkroom"), "serve", "--data", self.data,
                 "--listen", f"127.0.0.1:{PORT}"]
        for one in ("log.requests=false", "rate.ip_per_s=1000000", "rate.ip_burst=1000000",
                    "rate.user_per_s=1000000", "rate.user_burst=1000000", *settings):
            words += ["--set", one]
        self.words = words
        self.start()
        self.token = self.process.stdout.readline().strip()

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.pid = self.process.pid
        while not self.ready():
            time.sleep(0.005)

    def restart(self):
        """Kills the server and starts it again, on the same data."""
        self.process.kill()
        self.process.wait(60)
        self.start()

    def ready(self):
        if self.process.poll() is not None:
            raise SystemExit("the server did not start; is something else at its port?")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def user(self, name):
        """A client of a user of its own."""
        return Client(Client(self.token).send("POST", "/v1/admin/tokens", {"user": name})["token"])

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.data)


class Client:
    def __init__(self, token):
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)

    def send(self, method, path, body=None, **headers):
        headers["Authorization"] = "Bearer " + self.token
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content) if content and content[:1] == b"{" else content

    def batch(self, output="png", **more):
        spec = {"outputs": [{"format": output}]}
        return self.send("POST", "/v1/batches", {"spec": spec, **more})["id"]

    def add_copies(self, batch, content, count, extension="png"):
        """So many files of the same bytes, which are sent once and then only named."""
        self.send("PUT", f"/v1/batches/{batch}/files/000000.{extension}", content)
        self.name_copies(batch, content, range(1, count), extension)

    def name_copies(self, batch, content, numbers, extension="png"):
        """Files of bytes that this user has sent before."""
        row = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for begin in range(0, len(numbers), 5000):
            rows = [{"path": f"{i:06}.{extension}", **row} for i in numbers[begin:begin + 5000]]
            answer = self.send("POST", f"/v1/batches/{batch}/manifest", rows)
            if len(answer["have"]) != len(rows):
                raise SystemExit(f"named files were not taken: {answer['rejected'] or answer['missing']}"[:500])


def png(number, width=4, height=1):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + struct.pack(">I", number)[1:] * width
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))
