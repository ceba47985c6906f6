#include "network/listener.h"

#include "pipeline/log.h"

#include <utility>

namespace sluice {

using boost::asio::ip::tcp;
using boost::system::error_code;

Listener::Listener(boost::asio::io_context& context, Options options)
    : context_(context), options_(std::move(options)), acceptor_(context), retry_(context) {}

void Listener::listen(const std::string& address) {
    if (address == wanted_) return;
    wanted_ = address;
    close();
    try_to_listen();
}

/// Where it is has to be left first: 0.0.0.0 can not be had beside 127.0.0.1.
std::string Listener::move_to(const std::string& address) {
    if (address == wanted_) return {};
    const std::string before = std::exchange(wanted_, address);
    close();
    const std::string problem = wanted_.empty() ? "" : open();
    if (problem.empty()) {
        complaint_.clear();
        if (acceptor_.is_open()) accept();
        return {};
    }
    wanted_ = before;
    try_to_listen();
    return problem;
}

void Listener::stop() {
    wanted_.clear();
    close();
}

void Listener::close() {
    ++generation_;
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    set_listening("");
}

void Listener::run() {
    for (bool listens = true;;) {
        try {
            if (!std::exchange(listens, true)) {
                close();
                try_to_listen();
            }
            context_.run();
            return;
        } catch (const std::exception& error) {
            log(LogLevel::error, "sluice", options_.who + ": " + error.what());
            listens = false;
        }
    }
}

std::string Listener::listening() const {
    const std::lock_guard lock{mutex_};
    return listening_;
}

void Listener::set_listening(const std::string& address) {
    const std::lock_guard lock{mutex_};
    listening_ = address;
}

void Listener::try_to_listen() {
    if (wanted_.empty()) return;
    const std::string problem = open();
    if (problem.empty()) {
        complaint_.clear();
        return accept();
    }
    complain(problem + "; trying again");
    retry_.expires_after(options_.again);
    retry_.async_wait([this, of = generation_](const error_code& cancelled) {
        if (!cancelled && of == generation_) try_to_listen();
    });
}

/// Returns why not; empty: it listens.
std::string Listener::open() {
    const std::size_t colon = wanted_.rfind(':');
    std::string host = wanted_.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    try {
        tcp::resolver resolver{context_};
        const tcp::endpoint endpoint = *resolver.resolve(host, wanted_.substr(colon + 1)).begin();
        acceptor_ = tcp::acceptor{context_};
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
        acceptor_.bind(endpoint);
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        error_code ignored;
        acceptor_.close(ignored);
        return options_.who + ": cannot listen on " + wanted_ + ": " + error.code().message() +
               "; " + options_.remedy;
    }
    set_listening(wanted_);
    log(LogLevel::info, "sluice", options_.who + ": listening on " + wanted_);
    return {};
}

/// Once for each reason, however often it is tried.
void Listener::complain(const std::string& problem) {
    if (problem == complaint_) return;
    complaint_ = problem;
    log(LogLevel::error, "sluice", problem);
}

void Listener::accept() {
    acceptor_.async_accept([this, of = generation_](const error_code& error, tcp::socket socket) {
        if (of != generation_) return;
        if (error) {  // out of file descriptors: the others go on, this one comes again
            retry_.expires_after(std::chrono::milliseconds(100));
            retry_.async_wait([this, of](const error_code& cancelled) {
                if (!cancelled && of == generation_) accept();
            });
            return;
        }
        options_.on_connection(std::move(socket));
        accept();
    });
}

}  // namespace sluice
