#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// What systemd would be: the socket that a unit of Type=notify is given.
class NotifySocket {
public:
    NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~NotifySocket() { ::close(socket_); }
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    [[nodiscard]] std::string path() const { return (dir_.path() / "notify").string(); }

    /// Waits until these lines were told since the last call; forgets all up to them.
    void await(const std::string& lines) {
        try {
            wait_until(
                [&] {
                    read();
                    return told_.find(lines) != std::string::npos;
                },
                60s, lines);
        } catch (const WaitedTooLong&) {
            FAIL("not told: " << lines << "; but: " << told_);
        }
        told_.erase(0, told_.find(lines) + lines.size());
    }

private:
    void read() {
        std::array<char, 4096> text{};
        for (;;) {
            const auto size = ::recv(socket_, text.data(), text.size(), 0);
            if (size < 0) return;
            told_.append(text.data(), static_cast<std::size_t>(size));
        }
    }

    TempDir dir_{"notify"};
    int socket_;
    std::string told_;
};

}  // namespace

TEST_CASE("service manager: is told of readiness, life, reloads and the end") {
    const Postgres& postgres = shared_postgres();
    postgres.create_database("notify");
    postgres.exec("create table lines (line text)", "notify");
    shared_broker().admin().create_topic("notify", 1);
    const TempDir dir("notify");
    const auto file = dir.path() / "sluice.toml";
    write_file(file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                         "\"\n[cloudberry]\ndsn = \"" + postgres.dsn("notify") +
                         "\"\n[admin]\nlisten = \"\"\n[ingest.lines]\ntopic = \"notify\"\ntable = "
                         "\"lines\"\nformat = \"text\"\n");
    NotifySocket socket;
    Daemon daemon(file, {{"NOTIFY_SOCKET", socket.path()}, {"WATCHDOG_USEC", "400000"}});
    socket.await("READY=1\n");
    socket.await("STATUS=1 pipeline: 1 running\n");
    for (int i = 0; i < 3; ++i) socket.await("WATCHDOG=1\n");

    daemon.reload();
    socket.await("RELOADING=1\nMONOTONIC_USEC=");
    socket.await("READY=1\n");
    socket.await("WATCHDOG=1\n");

    CHECK(daemon.stop() == 0);
    socket.await("STOPPING=1\n");
}
