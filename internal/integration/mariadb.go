package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // its driver

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// StartMariaDB starts a database server with Tessera's tables, and returns how to
// reach it with the driver "mysql". It is Debian's, and ends with the test.
func StartMariaDB(t testing.TB) (dsn string) {
	t.Helper()
	Need(t)
	dir := t.TempDir()
	install := exec.Command("mariadb-install-db", "--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir="+filepath.Join(dir, "data"))
	if out, err := install.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		t.Fatal("mariadb-install-db is missing: install Debian's mariadb-server")
	} else if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := exec.Command("mariadbd", "--no-defaults", "--user=root", "--datadir="+filepath.Join(dir, "data"), "--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", port), "--socket="+filepath.Join(dir, "s"), "--pid-file="+filepath.Join(dir, "pid"))
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	dsn = fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port)
	db, err := sql.Open("mysql", dsn+"?multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for start := time.Now(); db.Ping() != nil; time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("the server does not answer\n%s", out)
		}
	}
	schema, err := os.ReadFile(filepath.Join(moduleDir(t, "github.com/transparency-dev/tessera"), "storage/mysql/schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE DATABASE ledger; USE ledger;\n" + string(schema)); err != nil {
		t.Fatal(err)
	}
	return dsn + "ledger"
}

func moduleDir(t testing.TB, module string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = testkit.Root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
