#include "conformance/cut_link.h"

#include "conformance/check_list.h"
#include "conformance/dsn.h"
#include "sinks/session/session.h"

#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <list>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::conformance {
namespace {

/// A socket; -1: none.
class Socket {
public:
    explicit Socket(int fd = -1) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Socket() { close(); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int fd() const { return fd_; }
    /// False: the other side is gone.
    [[nodiscard]] bool write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

private:
    int fd_;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct Address {
    sockaddr_storage bytes{};
    socklen_t size = sizeof bytes;

    [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&bytes); }
};

/// As libpq reached it: what a name means, and a socket's folder, is libpq's to know.
struct Server {
    Address address;
    std::string host;
};

Server server_of(const std::string& dsn) {
    struct Finish {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    const std::unique_ptr<PGconn, Finish> connection(PQconnectdb(dsn.c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw DatabaseError({{}, PQerrorMessage(connection.get()), {}});
    Server server;
    server.host = PQhost(connection.get());
    if (getpeername(PQsocket(connection.get()), server.address.raw(), &server.address.size) != 0)
        fail("getpeername");
    return server;
}

/// "COMMIT" as a simple query: type, length, text.
constexpr std::string_view commit_message(
    "Q\0\0\0\x0b"
    "COMMIT",
    12);

}  // namespace

class CutLink::Relay {
public:
    explicit Relay(Server server) : server_(std::move(server)) {
        listener_ = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        Address here;
        auto& name = reinterpret_cast<sockaddr_in&>(here.bytes);
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(listener_.fd(), here.raw(), sizeof name) != 0 ||
            ::listen(listener_.fd(), 8) != 0 ||
            ::getsockname(listener_.fd(), here.raw(), &here.size) != 0)
            fail("cannot listen on loopback");
        port_ = ntohs(name.sin_port);
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) fail("pipe");
        woken_ = Socket(ends[0]);
        wakes_ = Socket(ends[1]);
        thread_ = std::thread([this] { loop(); });
    }
    ~Relay() {
        wakes_.close();
        thread_.join();
    }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    void cut_at(At what) { at_ = what; }
    [[nodiscard]] bool has_cut() const { return at_ == At::nothing; }

private:
    /// Of which one side may be cut off already.
    struct Pair {
        Socket client;
        Socket server;
    };

    void loop();
    void accept();
    [[nodiscard]] bool from_client(Pair& pair);
    [[nodiscard]] static bool from_server(Pair& pair);

    Server server_;
    Socket listener_;
    Socket woken_;
    Socket wakes_;
    std::uint16_t port_ = 0;
    std::atomic<At> at_ = At::nothing;
    std::list<Pair> pairs_;
    std::thread thread_;
};

void CutLink::Relay::loop() {
    for (;;) {
        std::vector<pollfd> wanted{{woken_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
        for (const Pair& pair : pairs_) {
            wanted.push_back({pair.client.fd(), POLLIN, 0});
            wanted.push_back({pair.server.fd(), POLLIN, 0});
        }
        if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
        if (wanted[0].revents != 0) return;
        std::size_t place = 2;
        for (auto pair = pairs_.begin(); pair != pairs_.end(); place += 2) {
            const bool client = wanted[place].revents != 0;
            const bool server = wanted[place + 1].revents != 0;
            const bool lives = (!client || from_client(*pair)) && (!server || from_server(*pair));
            pair = lives ? std::next(pair) : pairs_.erase(pair);
        }
        if (wanted[1].revents != 0) accept();
    }
}

void CutLink::Relay::accept() {
    Pair pair{Socket(::accept(listener_.fd(), nullptr, nullptr)),
              Socket(::socket(server_.address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    if (::connect(pair.server.fd(), server_.address.raw(), server_.address.size) == 0)
        pairs_.push_back(std::move(pair));
}

bool CutLink::Relay::from_client(Pair& pair) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(pair.client.fd(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    const At at = at_;
    if (at == At::rows && bytes.front() == 'd') {
        at_ = At::nothing;
        static_cast<void>(pair.server.write(bytes.substr(0, bytes.size() / 2)));
        return false;
    }
    if (at == At::nothing || at == At::rows || bytes.find(commit_message) == bytes.npos)
        return pair.server.write(bytes);
    at_ = At::nothing;
    if (at == At::before_commit) return false;
    const bool sent = pair.server.write(bytes);
    pair.client.close();
    return sent;
}

bool CutLink::Relay::from_server(Pair& pair) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(pair.server.fd(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    // What a cut off client would have heard ends the server's side, too.
    return pair.client.fd() >= 0 &&
           pair.client.write({buffer.data(), static_cast<std::size_t>(size)});
}

CutLink::CutLink(const std::string& dsn) {
    Server server = server_of(dsn);
    const std::string host = server.host;
    relay_ = std::make_unique<Relay>(std::move(server));
    dsn_ = with_options(dsn, {{"host", host},
                              {"hostaddr", "127.0.0.1"},
                              {"port", relay_->port()},
                              {"sslmode", "disable"},
                              {"gssencmode", "disable"}});
    try {
        Session(dsn_, "sluice-conformance").open();
    } catch (const DatabaseError& error) {
        throw Skipped("cutting a connection needs one without TLS: " + std::string(error.what()));
    }
}

CutLink::~CutLink() = default;

void CutLink::cut_at(At what) {
    relay_->cut_at(what);
}

bool CutLink::has_cut() const {
    return relay_->has_cut();
}

}  // namespace sluice::conformance
