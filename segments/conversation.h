#pragma once

#include "segments/answers.h"
#include "segments/room.h"
#include "segments/server.h"
#include "segments/service.h"
#include "segments/wire.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::segments {

/// One segment's connection, or a stranger's: a request, and its answer. Used by the server's
/// thread. Kept by whatever operation is under way on it; one that has a reading or a writing has
/// an operation under way, or waits.
class Conversation : public std::enable_shared_from_this<Conversation> {
public:
    /// What all of them share.
    class Host {
    public:
        virtual ~Host() = default;
        [[nodiscard]] virtual const Server::Limits& limits() const = 0;
        [[nodiscard]] virtual Service* service_of(const std::string& path) const = 0;
        [[nodiscard]] virtual Room& room() = 0;
        /// By the server's thread, soon. From any thread.
        virtual void post(std::function<void()> call) = 0;
        virtual void on_answered(unsigned status) = 0;
        virtual void on_sent(std::size_t bytes) = 0;  ///< of rows, as the next one
        virtual void on_received(std::size_t bytes) = 0;
        /// It uses this service no more.
        virtual void on_released(const Service& service) = 0;
        virtual void on_over(std::uint64_t number) = 0;
    };

    /// `number`: its own. The host outlives it.
    Conversation(Host& host, std::uint64_t number, std::unique_ptr<Wire> wire);

    void begin();
    /// Whatever is under way ends, and with it all of this.
    void cut() { wire_->cut(); }
    void drop();

    /// It has named a path, and may what it asks for.
    [[nodiscard]] bool is_known() const { return is_known_; }
    /// With no operation under way.
    [[nodiscard]] bool waits() const { return waits_; }
    [[nodiscard]] const Service* service() const { return service_; }

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] Wire::Done then(std::function<void(std::size_t)> next);
    [[nodiscard]] std::function<void()> wake_for(void (Conversation::*next)());
    void release();
    void read_head(Clock::time_point deadline);
    void answer();
    void refuse(const Refusal& refusal);
    void say(std::string_view text, void (Conversation::*next)());
    void await_end();

    // A segment that reads.
    void read(Service& service, const Request& request);
    void send_next();
    void send_failure(const std::string& why);
    void send_block(const BlockHead& head, std::string_view bytes, std::function<void()> sent);

    // One that writes.
    void write(Service& service, const Request& request);
    void announce();
    void take_body();
    void take_more();
    void tell_outcome();

    Host& host_;
    const std::uint64_t number_;
    const std::unique_ptr<Wire> wire_;
    boost::beast::flat_buffer buffer_;
    boost::beast::http::request_parser<boost::beast::http::empty_body> parser_;
    const Service* service_ = nullptr;  ///< of the next two
    std::unique_ptr<Reading> reading_;
    std::unique_ptr<Writing> writing_;
    std::string_view http_head_;  ///< before the first block
    BlockHead block_head_{};
    std::string text_;       ///< what is said instead of rows
    std::size_t taken_ = 0;  ///< of the room
    std::string body_;
    std::size_t arrived_ = 0;  ///< of the body
    bool is_known_ = false;
    bool waits_ = false;
    bool over_ = false;
};

}  // namespace sluice::segments
