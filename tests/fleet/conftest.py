"""An S3 server of this machine."""

import pytest


@pytest.fixture(scope="module")
def s3():
    """The address of an empty bucket on a server that is started here; its settings are in the environment."""
    server = pytest.importorskip("moto.server", reason="needs moto, an S3 server of this machine")
    s3fs = pytest.importorskip("s3fs", reason="needs the extra s3")
    with pytest.MonkeyPatch.context() as patch:
        running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        running.start()
        host, port = running.get_host_and_port()
        settings = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}
        for name, value in (settings | {"ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("NO_PROXY", "127.0.0.1")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("pictures")
        yield "s3://pictures"
        running.stop()
        s3fs.S3FileSystem.clear_instance_cache()
