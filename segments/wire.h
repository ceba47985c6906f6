#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sluice::segments {

/// A connection's bytes. One operation at a time, of which all `done` are called by the context's
/// thread, never within the call. What is not done in time ends with an error. An operation keeps
/// nothing alive: that is for `done` to do.
class Wire {
public:
    using Done = std::function<void(const boost::system::error_code&, std::size_t)>;
    using Buffers = std::array<boost::asio::const_buffer, 3>;

    virtual ~Wire() = default;
    virtual void open(std::chrono::milliseconds time, Done done) = 0;
    /// What is there, as soon as there is something.
    virtual void read(boost::asio::mutable_buffer into, std::chrono::milliseconds time,
                      Done done) = 0;
    /// All of it.
    virtual void write(const Buffers& from, std::chrono::milliseconds time, Done done) = 0;
    /// Tells the other side that nothing more comes, and waits for it to hang up: whoever closes
    /// first may destroy what is still on its way.
    virtual void end(std::chrono::milliseconds time, Done done) = 0;
    /// While none is under way: whether the other side has hung up.
    [[nodiscard]] virtual bool is_gone() = 0;
    /// An operation that is under way ends with an error.
    virtual void cut() = 0;
};

[[nodiscard]] std::unique_ptr<Wire> plain_wire(boost::asio::ip::tcp::socket socket);

/// PEM.
struct TlsFiles {
    const std::string& certificate;
    const std::string& key;
    const std::string& ca;  ///< of those who may connect
};
/// Throws std::runtime_error, which says which of them is of no use.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> make_tls(const TlsFiles& files);
[[nodiscard]] std::unique_ptr<Wire> tls_wire(boost::asio::ip::tcp::socket socket,
                                             std::shared_ptr<boost::asio::ssl::context> tls);

}  // namespace sluice::segments
