#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

namespace sluice {

/// Takes TCP connections where it was told to. What cannot be had is logged with the remedy, and
/// tried again until it can. Used by the context's thread, listening() by any.
class Listener {
public:
    struct Options {
        std::string who;     ///< "admin server"
        std::string remedy;  ///< "set another address as listen in [admin]"
        std::chrono::milliseconds again = std::chrono::seconds(5);
        std::function<void(boost::asio::ip::tcp::socket)> on_connection;
    };
    Listener(boost::asio::io_context& context, Options options);

    /// Listens here, "host:port", from now on, and nowhere else; "": nowhere.
    void listen(const std::string& address);
    /// Listens here instead, as listen() does; but an address that cannot be had changes nothing,
    /// and is returned as what is wrong with it; empty: done.
    [[nodiscard]] std::string move_to(const std::string& address);
    /// For good, or until listen() or move_to().
    void stop();
    /// Runs the context until it has nothing more to do. Goes on behind an exception that has ended
    /// a handler, perhaps the one that accepts.
    void run();
    /// Where it listens now; empty: nowhere.
    [[nodiscard]] std::string listening() const;

private:
    void close();
    void try_to_listen();
    [[nodiscard]] std::string open();
    void complain(const std::string& problem);
    void accept();
    void set_listening(const std::string& address);

    boost::asio::io_context& context_;
    const Options options_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    int generation_ = 0;  ///< what was begun before close() and ends behind it is not ours any more
    std::string wanted_;
    std::string complaint_;
    mutable std::mutex mutex_;
    std::string listening_;
};

}  // namespace sluice
