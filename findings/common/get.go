// One request: get URL METHOD; prints the status and HTTP version, or the error.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	var body io.Reader
	if os.Args[2] == "POST" {
		body = strings.NewReader("a=1")
	}
	request, _ := http.NewRequest(os.Args[2], os.Args[1], body)
	client := http.Client{Timeout: 6 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		text := err.Error()
		fmt.Println("error", text[strings.Index(text, `": `)+3:])
		return
	}
	io.Copy(io.Discard, response.Body)
	fmt.Println(response.StatusCode, response.Proto)
}
