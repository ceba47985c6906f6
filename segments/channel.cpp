#include "segments/channel.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace sluice::segments {
namespace {

std::string new_token() {
    std::array<unsigned char, 32> bytes{};
    // So few come all at once.
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::system_error(errno, std::generic_category(), "getrandom");
    constexpr std::string_view digits = "0123456789abcdef";
    std::string token;
    for (const unsigned char byte : bytes) {
        token += digits[byte >> 4];
        token += digits[byte & 15];
    }
    return token;
}

}  // namespace

Channel::Channel(Server& server, const std::string& pipeline)
    : server_(server), token_(new_token()), counts_(server.counts_of(pipeline)) {}

std::string Channel::location() const {
    return server_.url("/" + token_);
}

void Channel::open(const EncodedRows& rows, std::size_t most_segments) {
    close();
    server_.offer("/" + token_, stream_.emplace(rows, latest_scan_, most_segments));
}

Delivery Channel::close() {
    if (!stream_) return {};
    server_.withdraw("/" + token_);
    Delivery delivery = stream_->delivery();
    if (!delivery.scan.empty()) latest_scan_ = delivery.scan;
    counts_->rows.add(static_cast<double>(delivery.rows));
    counts_->waiting.add(delivery.waited.count());
    counts_->readers.set(static_cast<double>(delivery.readers));
    stream_.reset();
    return delivery;
}

}  // namespace sluice::segments
