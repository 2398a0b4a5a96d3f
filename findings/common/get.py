"""One request: get.py CLIENT URL METHOD; prints the status and HTTP version, or the error."""
import io, sys

client, url, method = sys.argv[1:4]
body = b"a=1" if method == "POST" else None
try:
    if client == "httpx":
        import httpx
        r = httpx.Client(http2=True, verify="ca.pem").request(method, url, content=body)
        print(r.status_code, r.http_version)
    elif client == "niquests":
        import niquests
        with niquests.Session(disable_http3=True) as session:
            r = session.request(method, url, data=body, verify="ca.pem")
            print(r.status_code, f"HTTP/{r.http_version / 10:g}")
    else:
        import pycurl
        c = pycurl.Curl()
        for name, value in ((pycurl.URL, url), (pycurl.CAINFO, "ca.pem"), (pycurl.WRITEDATA, io.BytesIO())):
            c.setopt(name, value)
        if body:
            c.setopt(pycurl.POSTFIELDS, body)
        c.perform()
        print(c.getinfo(pycurl.RESPONSE_CODE), {2: "HTTP/1.1", 3: "HTTP/2"}[c.getinfo(pycurl.INFO_HTTP_VERSION)])
except Exception as error:
    print("error", type(error).__name__, str(error)[:120])
