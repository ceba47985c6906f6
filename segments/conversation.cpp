#include "segments/conversation.h"

#include "pipeline/fail_point.h"
#include "pipeline/log.h"

#include <boost/beast/core/string.hpp>

#include <limits>
#include <optional>
#include <utility>

namespace sluice::segments {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

asio::const_buffer buffer_of(std::string_view text) {
    return {text.data(), text.size()};
}

template <class Piece>
std::string_view text_in(const Piece& piece) {
    return {piece.data(), piece.size()};
}

}  // namespace

Conversation::Conversation(Host& host, std::uint64_t number, std::unique_ptr<Wire> wire)
    : host_(host), number_(number), wire_(std::move(wire)) {
    parser_.header_limit(static_cast<std::uint32_t>(host.limits().head_bytes));
    // write() has a limit of its own. Boost 1.74 takes anything for more than boost::none.
    parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
}

void Conversation::begin() {
    const auto patience = host_.limits().patience;
    const auto deadline = Clock::now() + patience;
    wire_->open(patience, then([this, deadline](std::size_t) { read_head(deadline); }));
}

/// What follows an operation; where it fails, nothing does.
Wire::Done Conversation::then(std::function<void(std::size_t)> next) {
    return [self = shared_from_this(), next = std::move(next)](const error_code& error,
                                                               std::size_t bytes) {
        if (error || self->over_) return self->drop();
        try {
            next(bytes);
        } catch (const std::exception& failed) {
            log(LogLevel::error, "sluice", std::string("segments: ") + failed.what());
            self->drop();
        }
    };
}

/// Goes on with `next` if it waits for that.
std::function<void()> Conversation::wake_for(void (Conversation::*next)()) {
    return [&host = host_, weak = weak_from_this(), next] {
        host.post([weak, next] {
            const auto self = weak.lock();
            if (!self || !std::exchange(self->waits_, false)) return;
            // Anything but an operation's end is as good as one.
            self->then([&self, next](std::size_t) { (*self.*next)(); })(error_code(), 0);
        });
    };
}

void Conversation::drop() {
    wire_->cut();
    release();
    if (!std::exchange(over_, true)) host_.on_over(number_);
}

/// Reading or writing is over, whatever became of it.
void Conversation::release() {
    reading_.reset();
    writing_.reset();
    host_.room().give_back(std::exchange(taken_, 0));
    if (const Service* const service = std::exchange(service_, nullptr))
        host_.on_released(*service);
}

void Conversation::read_head(Clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return drop();
    constexpr std::size_t at_once = 4096;
    wire_->read(buffer_.prepare(at_once), left, then([this, deadline](std::size_t bytes) {
                    buffer_.commit(bytes);
                    error_code error;
                    buffer_.consume(parser_.put(buffer_.data(), error));
                    if (error == http::error::need_more) return read_head(deadline);
                    if (error == http::error::header_limit)
                        return refuse({431, "the head is too long"});
                    if (error) return refuse({400, "this is not HTTP/1.1"});
                    if (!parser_.is_header_done()) return read_head(deadline);
                    answer();
                }));
}

void Conversation::answer() {
    const auto& head = parser_.get();
    auto said = read_request(text_in(head.method_string()), text_in(head.target()),
                             [&](const char* name) { return text_in(head[name]); });
    if (auto* refusal = std::get_if<Refusal>(&said)) return refuse(*refusal);
    const auto& request = std::get<Request>(said);
    Service* const service = host_.service_of(request.path);
    if (service == nullptr) return refuse({404, "there is nothing here"});
    request.kind == Request::Kind::write ? write(*service, request) : read(*service, request);
}

void Conversation::refuse(const Refusal& refusal) {
    release();
    host_.on_answered(refusal.status);
    text_ = text_of(refusal);
    say(text_, &Conversation::await_end);
}

void Conversation::say(std::string_view text, void (Conversation::*next)()) {
    wire_->write({buffer_of(text)}, host_.limits().patience,
                 then([this, next](std::size_t) { (this->*next)(); }));
}

void Conversation::await_end() {
    wire_->end(host_.limits().patience, then([this](std::size_t) { drop(); }));
}

void Conversation::read(Service& service, const Request& request) {
    auto begun = service.begin(request);
    if (auto* refusal = std::get_if<Refusal>(&begun)) return refuse(*refusal);
    is_known_ = true;
    host_.on_answered(200);
    reading_ = std::move(std::get<std::unique_ptr<Reading>>(begun));
    service_ = &service;
    http_head_ = rows_follow;
    send_next();
}

void Conversation::send_next() {
    std::optional<std::string_view> block;
    try {
        if (!reading_->is_ready(wake_for(&Conversation::send_next))) {
            if (wire_->is_gone()) return drop();
            waits_ = true;
            return;
        }
        block = reading_->next();
    } catch (const ReadingFailed& failed) {
        return send_failure(failed.what());
    }
    if (block) SLUICE_FAIL_POINT("segments_block");
    const std::size_t size = block.value_or("").size();
    send_block(block_head('D', size), block.value_or(""), [this, size] {
        host_.on_sent(size);
        if (size > 0) return send_next();
        reading_->finish();
        release();
        await_end();
    });
}

void Conversation::send_failure(const std::string& why) {
    text_ = why;
    send_block(block_head('E', why.size()), text_, [this] {
        release();
        await_end();
    });
}

void Conversation::send_block(const BlockHead& head, std::string_view bytes,
                              std::function<void()> sent) {
    block_head_ = head;
    const std::string_view before = std::exchange(http_head_, {});
    wire_->write({buffer_of(before), asio::buffer(block_head_), buffer_of(bytes)},
                 host_.limits().stall + reading_->patience(),
                 then([sent = std::move(sent)](std::size_t) { sent(); }));
}

void Conversation::write(Service& service, const Request& request) {
    const auto length = parser_.content_length();
    if (!length) return refuse({411, "a segment says how long its block is"});
    if (*length > host_.room().size())
        return refuse({413, "a block of " + std::to_string(*length) + " bytes is more than the " +
                                std::to_string(host_.room().size()) +
                                " that a daemon takes; lower writable_external_table_bufsize, or "
                                "the size of the row"});
    auto begun = service.begin_writing(request);
    if (auto* refusal = std::get_if<Refusal>(&begun)) return refuse(*refusal);
    is_known_ = true;
    writing_ = std::move(std::get<std::unique_ptr<Writing>>(begun));
    service_ = &service;
    const auto size = static_cast<std::size_t>(*length);
    const auto later = [&room = host_.room(), weak = weak_from_this(), size,
                        wake = wake_for(&Conversation::announce)] {
        const auto self = weak.lock();
        if (!self || self->over_) return room.give_back(size);
        self->taken_ = size;
        wake();
    };
    waits_ = true;  // with as much as nothing read, so that the segment waits as well
    if (!host_.room().take(size, later)) return;
    waits_ = false;
    taken_ = size;
    announce();
}

/// A client that announces its block waits for a second, unless it is told to go on.
void Conversation::announce() {
    const auto& head = parser_.get();
    if (taken_ > 0 && boost::beast::iequals(head[http::field::expect], "100-continue"))
        return say(go_on, &Conversation::take_body);
    take_body();
}

void Conversation::take_body() {
    body_.resize(taken_);
    arrived_ = asio::buffer_copy(asio::buffer(body_), buffer_.data());
    take_more();
}

void Conversation::take_more() {
    if (arrived_ < body_.size()) {
        const auto rest = asio::buffer(body_) + arrived_;
        return wire_->read(rest, host_.limits().stall, then([this](std::size_t bytes) {
                               arrived_ += bytes;
                               take_more();
                           }));
    }
    host_.on_received(body_.size());
    writing_->put(std::move(body_));
    tell_outcome();
}

void Conversation::tell_outcome() {
    if (!writing_->is_ready(wake_for(&Conversation::tell_outcome))) {
        waits_ = true;
        return;
    }
    if (const auto refusal = writing_->outcome()) return refuse(*refusal);
    release();
    host_.on_answered(200);
    say(block_taken, &Conversation::await_end);
}

}  // namespace sluice::segments
