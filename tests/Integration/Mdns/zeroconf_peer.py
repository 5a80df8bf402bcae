"""python3-zeroconf as the other side of multicast DNS.

zeroconf_peer.py ask NAME TYPE         asks until something about NAME is learnt; prints every record learnt, sorted, then "end"
zeroconf_peer.py answer ID ADDR PORT   sends a packet that zeroconf has encoded, ten times per second, until its input ends; prints "ready"
"""
import select
import socket
import sys
import time

from zeroconf import DNSAddress, DNSOutgoing, DNSPointer, DNSQuestion, DNSService, DNSText, IPVersion, RecordUpdateListener, Zeroconf, const

INTERNET = const._CLASS_IN
FLUSH = INTERNET | const._CLASS_UNIQUE


class Records(RecordUpdateListener):
    def __init__(self):
        self.lines = set()

    def async_update_records(self, zc, now, records):
        for update in records:
            self.lines.add(text(update.new))

    def async_update_records_complete(self):
        pass


def text(record):
    if isinstance(record, DNSPointer):
        return f"{record.name} PTR {record.ttl} {record.alias}"
    if isinstance(record, DNSService):
        return f"{record.name} SRV {record.ttl} {record.port} {record.server}"
    if isinstance(record, DNSText):
        return f"{record.name} TXT {record.ttl} {record.text.decode()[1:]}"
    if isinstance(record, DNSAddress):
        return f"{record.name} ADDR {record.ttl} {socket.inet_ntop(socket.AF_INET if len(record.address) == 4 else socket.AF_INET6, record.address)}"
    return f"{record.name} type {record.type}"


def ask(name, kind):
    records = Records()
    zc = Zeroconf(ip_version=IPVersion.V4Only)
    zc.add_listener(records, None)
    question = DNSOutgoing(const._FLAGS_QR_QUERY)
    question.add_question(DNSQuestion(name, {"PTR": const._TYPE_PTR, "A": const._TYPE_A}[kind], INTERNET))
    until = time.monotonic() + 20
    while time.monotonic() < until and not any(line.startswith(name + " ") for line in records.lines):
        zc.send(question)
        time.sleep(0.3)
    for line in sorted(records.lines):
        print(line)
    print("end", flush=True)
    zc.close()


def answer(app_id, address, port):
    service = f"{app_id}.local."
    instance = f"pyhost:1.{service}"
    zc = Zeroconf(ip_version=IPVersion.V4Only)
    out = DNSOutgoing(const._FLAGS_QR_RESPONSE | const._FLAGS_AA)
    out.add_answer_at_time(DNSPointer(service, const._TYPE_PTR, INTERNET, 4500, instance), 0)
    out.add_additional_answer(DNSService(instance, const._TYPE_SRV, FLUSH, 120, 0, 0, int(port), "pyhost.local."))
    out.add_additional_answer(DNSText(instance, const._TYPE_TXT, FLUSH, 4500, bytes([len(app_id)]) + app_id.encode()))
    out.add_additional_answer(DNSAddress("pyhost.local.", const._TYPE_A, FLUSH, 120, socket.inet_aton(address)))
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        zc.send(out)
    zc.close()


if __name__ == "__main__":
    {"ask": ask, "answer": answer}[sys.argv[1]](*sys.argv[2:])
