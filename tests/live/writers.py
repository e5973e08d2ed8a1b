# SPDX-License-Identifier: GPL-2.0-only
"""What writers.test needs and a shell cannot do. Needs /usr/bin/python3 of the distribution, since
graphite-web is installed for that one.

    writers.py ports N                      N free TCP ports of the loopback, on one line
    writers.py unixsock PATH COMMAND...     asks collectd's plugin unixsock
    writers.py prometheus <EXPOSITION       the series of the plugin ebpf, named as on disk
    writers.py render STORAGE TARGET FILE   draws TARGET by graphite-web to FILE, a PNG, and
                                            prints its data points that are not null
"""

import json
import os
import re
import socket
import sys
import types


def ports(count):
    sockets = [socket.socket() for _ in range(int(count))]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    print(*(s.getsockname()[1] for s in sockets))


def unixsock(path, *command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        stream = s.makefile("rw")
        stream.write(" ".join(command) + "\n")
        stream.flush()
        status = stream.readline()
        count = int(status.split()[0])
        if count < 0:
            sys.exit(status.strip())
        for _ in range(count):
            print(stream.readline().strip())


def prometheus():
    # write_prometheus adds the data source's name, unless that is "value", and "total".
    sample = re.compile(r"collectd_ebpf_(\w+?)(?:_seconds)?(?:_total)?\{(.*)\} ")
    for line in sys.stdin:
        match = sample.match(line)
        if match:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            name = "ebpf-%s/%s" % (labels["ebpf"], match[1])
            print(name + ("-" + labels["type"] if "type" in labels else ""))


def settings(storage):
    """graphite-web reads its settings from a module: this one instead of /etc/graphite's."""
    module = types.ModuleType("writers_settings")
    module.SECRET_KEY = "of no use"
    module.STORAGE_DIR = module.LOG_DIR = module.CONF_DIR = storage
    module.WHISPER_DIR = os.path.join(storage, "whisper")
    module.LOG_ROTATION = False
    module.CARBONLINK_HOSTS = []  # what is on disk, not what carbon still keeps
    sys.modules[module.__name__] = module
    os.environ["GRAPHITE_SETTINGS_MODULE"] = module.__name__
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"


def render(storage, target, file):
    settings(storage)
    import django

    django.setup()
    from django.test import Client

    query = {"target": target, "from": "-5min", "noCache": "1"}
    data = Client().get("/render/", dict(query, format="json"))
    image = Client().get("/render/", dict(query, format="png", width="600", height="300"))
    if data.status_code != 200 or image.status_code != 200:
        sys.exit("graphite-web answers %d and %d" % (data.status_code, image.status_code))
    with open(file, "wb") as f:
        f.write(image.content)
    for series in json.loads(data.content):
        print(*(value for value, _ in series["datapoints"] if value is not None))


COMMANDS = {f.__name__: f for f in (ports, unixsock, prometheus, render)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
