#include "segments/wire.h"

#include "pipeline/log.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace sluice::segments {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::beast::tcp_stream;
using boost::system::error_code;

void send_at_once(tcp_stream& stream) {
    error_code ignored;
    stream.socket().set_option(tcp::no_delay(true), ignored);
}

/// Whether there is an end, or, where nothing but that can come, anything.
bool has_ended(tcp_stream& stream, bool anything) {
    char byte = 0;
    const auto got =
        ::recv(stream.socket().native_handle(), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0) return anything;
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/// Says that nothing more comes, and waits until the other side has heard it: where something of
/// its own is still unread, closing would take the answer away from it.
class Farewell {
public:
    void say(tcp_stream& stream, Wire::Done done) {
        error_code ignored;
        stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
        await_end(stream, std::move(done));
    }

private:
    void await_end(tcp_stream& stream, Wire::Done done) {
        stream.async_read_some(asio::buffer(rest_), [this, &stream, done = std::move(done)](
                                                        const error_code& error, std::size_t) {
            error ? done(error, 0) : await_end(stream, done);
        });
    }

    std::array<char, 512> rest_{};  // of what the other side says, for nobody
};

class Plain : public Wire {
public:
    explicit Plain(tcp::socket socket) : stream_(std::move(socket)) { send_at_once(stream_); }

    void open(std::chrono::milliseconds, Done done) override {
        asio::post(stream_.get_executor(), [done = std::move(done)] { done(error_code(), 0); });
    }
    void read(asio::mutable_buffer into, std::chrono::milliseconds time, Done done) override {
        stream_.expires_after(time);
        stream_.async_read_some(into, std::move(done));
    }
    void write(const Buffers& from, std::chrono::milliseconds time, Done done) override {
        stream_.expires_after(time);
        asio::async_write(stream_, from, std::move(done));
    }
    void end(std::chrono::milliseconds time, Done done) override {
        stream_.expires_after(time);
        farewell_.say(stream_, std::move(done));
    }
    bool is_gone() override { return has_ended(stream_, false); }
    void cut() override { stream_.close(); }

private:
    tcp_stream stream_;
    Farewell farewell_;
};

class Tls : public Wire {
public:
    Tls(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
        : tls_(std::move(tls)), stream_(std::move(socket), *tls_) {
        send_at_once(stream_.next_layer());
    }

    void open(std::chrono::milliseconds time, Done done) override {
        stream_.next_layer().expires_after(time);
        error_code ignored;
        const tcp::endpoint peer = stream_.next_layer().socket().remote_endpoint(ignored);
        stream_.async_handshake(
            asio::ssl::stream_base::server,
            [done = std::move(done), from = peer.address()](const error_code& error) {
                if (error && error != asio::error::operation_aborted)
                    log(LogLevel::warn, "segments",
                        "TLS with " + from.to_string() + " failed: " + error.message());
                done(error, 0);
            });
    }
    void read(asio::mutable_buffer into, std::chrono::milliseconds time, Done done) override {
        stream_.next_layer().expires_after(time);
        stream_.async_read_some(into, std::move(done));
    }
    void write(const Buffers& from, std::chrono::milliseconds time, Done done) override {
        stream_.next_layer().expires_after(time);
        asio::async_write(stream_, from, std::move(done));
    }
    void end(std::chrono::milliseconds time, Done done) override {
        stream_.next_layer().expires_after(time);
        // Where rows still arrive, which nobody reads, TLS cannot be ended.
        stream_.async_shutdown([this, done = std::move(done)](const error_code& error) {
            error ? farewell_.say(stream_.next_layer(), done) : done(error, 0);
        });
    }
    /// A segment says nothing while it reads but that it goes.
    bool is_gone() override { return has_ended(stream_.next_layer(), true); }
    void cut() override { stream_.next_layer().close(); }

private:
    const std::shared_ptr<asio::ssl::context> tls_;
    boost::beast::ssl_stream<tcp_stream> stream_;
    Farewell farewell_;
};

}  // namespace

std::unique_ptr<Wire> plain_wire(tcp::socket socket) {
    return std::make_unique<Plain>(std::move(socket));
}

std::shared_ptr<asio::ssl::context> make_tls(const TlsFiles& files) {
    auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                     asio::ssl::context::no_tlsv1_1);
    const auto use = [](const char* key, auto call) {
        error_code error;
        call(error);
        if (error)
            throw std::runtime_error(std::string(key) + " of [segments] cannot be used: " +
                                     error.message() + "; it is to be PEM");
    };
    use("certificate", [&](error_code& error) {
        tls->use_certificate_chain(asio::buffer(files.certificate), error);
    });
    use("key", [&](error_code& error) {
        tls->use_private_key(asio::buffer(files.key), asio::ssl::context::pem, error);
    });
    use("ca",
        [&](error_code& error) { tls->add_certificate_authority(asio::buffer(files.ca), error); });
    tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    // Without one, OpenSSL refuses to resume a session whose peer was verified: SSL_VERIFY_PEER's
    // manual page.
    constexpr std::string_view id = "sluice";
    SSL_CTX_set_session_id_context(tls->native_handle(),
                                   reinterpret_cast<const unsigned char*>(id.data()), id.size());
    return tls;
}

std::unique_ptr<Wire> tls_wire(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls) {
    return std::make_unique<Tls>(std::move(socket), std::move(tls));
}

}  // namespace sluice::segments
