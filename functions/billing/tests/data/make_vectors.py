"""Makes webhook-signatures.json: deliveries signed as the gateways' own libraries sign and check them.

    python3 -m venv scratch
    scratch/bin/pip download --no-deps -d dist razorpay==2.0.1 stripe==16.1.0
    scratch/bin/pip install --no-index --no-deps dist/*.whl && scratch/bin/pip install requests typing_extensions
    scratch/bin/python make_vectors.py dist > webhook-signatures.json

Stripe's library makes its header itself. Razorpay's only checks; what it is given here is Python's HMAC. Each library then has to
accept its vectors, and to refuse them once the body differs.
"""

import hashlib
import hmac
import json
import pathlib
import sys

import razorpay
import stripe
from stripe import WebhookSignature

NOW = 1796112000  # 2026-12-01T08:00:00Z

BODIES = {
    "razorpay": [
        '{"entity":"event","account_id":"acc_BFQ7uQEaa7j2z7","event":"payment.captured","contains":["payment"],"payload":{"payment":'
        '{"entity":{"id":"pay_DESp9bgForNoUd","amount":10000,"currency":"INR","status":"captured","order_id":"order_DESlLckIVRkHWj",'
        '"captured":true}}},"created_at":1796112000}',
        '{\n  "event": "refund.processed",\n  "created_at": 1796112000,\n  "payload": {}\n}\n',
        '{"event":"payment.failed","created_at":1796112000,"payload":{"payment":{"entity":{"description":"Thérapie – Sitzung 💬"}}}}',
        "{}",
    ],
    "stripe": [
        '{\n  "id": "evt_1Poe4RGFzsjrzPXDguWAoeFC",\n  "object": "event",\n  "created": 1796112000,\n  "type": "payment_intent.succeeded",\n'
        '  "data": {\n    "object": {\n      "id": "pi_3OFiuyFUCobZzZgn2Q8X7hbz",\n      "amount_received": 5392,\n'
        '      "currency": "eur"\n    }\n  }\n}',
        '{"id":"evt_2","object":"event","created":1796112000,"type":"charge.refunded","data":{"object":{"description":"Séance 💬"}}}',
        "{}",
    ],
}

SECRETS = {
    "razorpay": ["0123456789abcdef", "a longer one, with spaces? no: with-dashes-and_underscores".replace(" ", "+"), "k" * 200],
    "stripe": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "a" * 64],
}


def refused(check):
    try:
        check()
    except (razorpay.errors.SignatureVerificationError, stripe.SignatureVerificationError):
        return True
    return False


def of_razorpay(body, secret):
    header = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    check = razorpay.Utility().verify_webhook_signature
    assert check(body, header, secret)
    assert refused(lambda: check(body + " ", header, secret))
    return header


def of_stripe(body, secret):
    header = WebhookSignature.generate_signature_header(body, secret, timestamp=NOW)
    assert WebhookSignature.verify_header(body, header, secret)
    assert refused(lambda: WebhookSignature.verify_header(body + " ", header, secret))
    return header


def main(folder):
    sign = {"razorpay": of_razorpay, "stripe": of_stripe}
    packages = [
        {"package": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(pathlib.Path(folder).iterdir())
        if path.name.startswith(("razorpay-", "stripe-"))
    ]
    vectors = [
        {"gateway": gateway, "secret": secret, "now": NOW, "body": body, "header": sign[gateway](body, secret)}
        for gateway, bodies in BODIES.items()
        for secret in SECRETS[gateway]
        for body in bodies
    ]
    document = {
        "source": "the gateways' own libraries, from PyPI",
        "command": "python make_vectors.py dist > webhook-signatures.json",
        "packages": packages,
        "vectors": vectors,
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
