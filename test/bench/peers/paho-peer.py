"""A bare paho subscriber, QoS 1, MQTT 5, that counts messages and does nothing with them: paho-peer.py PORT TOPIC WINDOW.

A number of messages comes in, and goes out when so many have come since the last answer.
"""

import sys
import threading

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, topic, window = sys.argv[1:]
changed = threading.Condition()
count = 0


def received(client, userdata, message):
    global count
    with changed:
        count += 1
        changed.notify()


properties = Properties(PacketTypes.CONNECT)
properties.ReceiveMaximum = int(window)
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
subscribed = threading.Event()
client.on_connect = lambda *_: client.subscribe(topic, qos=1)
client.on_subscribe = lambda *_: subscribed.set()
client.on_message = received
client.connect("127.0.0.1", int(port), properties=properties)
client.loop_start()
subscribed.wait()
print("a bare paho subscriber", flush=True)
for line in sys.stdin:
    wanted = int(line)
    with changed:
        changed.wait_for(lambda: count >= wanted)
        count -= wanted
    print(wanted, flush=True)
