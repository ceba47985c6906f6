#include "produce/row_reader.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sluice {
namespace {

constexpr std::size_t block = 256u << 10;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

RowReader::RowReader(Read read, Form form, const config::Csv& csv, Mark mark)
    : read_(std::move(read)), form_(form), csv_(csv), mark_(mark) {}

std::optional<InputRow> RowReader::next() {
    while (!find_end()) {
        if (at_end_) {
            if (begin_ == end_) return std::nullopt;
            return take(end_, end_);
        }
        if (end_ - begin_ > longest_row) {
            throw std::length_error("a row of more than " + std::to_string(longest_row >> 20) +
                                    " MiB" +
                                    (in_quotes_ ? ": a quote in it does not end; mend it, or see "
                                                  "--quote and --escape"
                                                : "; is this the right file, and --format?"));
        }
        read_more();
    }
    return take(scanned_, scanned_ + 1);
}

InputRow RowReader::take(std::size_t end, std::size_t next) {
    InputRow row{{buffer_.get() + begin_, end - begin_}, line_};
    if (row.text.ends_with('\r')) row.text.remove_suffix(1);
    line_ += breaks_ + 1;
    breaks_ = 0;
    begin_ = scanned_ = next;
    quote_ = std::max(quote_, next);
    in_quotes_ = false;
    return row;
}

void RowReader::read_more() {
    if (capacity_ - end_ < block) {
        const std::size_t held = end_ - begin_;
        const std::size_t wanted = std::max(2 * block, 2 * held + block);
        std::unique_ptr<char[]> larger;
        if (wanted > capacity_) larger.reset(new char[wanted + padding]);
        char* const to = larger ? larger.get() : buffer_.get();
        if (held > 0) std::memmove(to, buffer_.get() + begin_, held);
        if (larger) {
            buffer_ = std::move(larger);
            capacity_ = wanted;
        }
        scanned_ -= begin_;
        quote_ -= begin_;
        end_ = held;
        begin_ = 0;
    }
    const std::size_t count = read_(buffer_.get() + end_, capacity_ - end_);
    at_end_ = count == 0;
    end_ += count;
    // The first reads of a pipe may bring less than a whole mark.
    if (mark_ == Mark::passed_over && bytes_read_ < byte_order_mark.size() && begin_ == 0 &&
        end_ >= byte_order_mark.size() &&
        std::string_view(buffer_.get(), byte_order_mark.size()) == byte_order_mark) {
        begin_ = scanned_ = quote_ = byte_order_mark.size();
    }
    bytes_read_ += count;
}

/// Moves scanned_ to the line break that ends the row; false: it was not read yet.
bool RowReader::find_end() {
    for (;;) {
        if (in_quotes_ && !leave_quotes()) return false;
        const char* const from = buffer_.get() + scanned_;
        const auto* const found =
            scanned_ == end_ ? nullptr
                             : static_cast<const char*>(std::memchr(from, '\n', end_ - scanned_));
        const std::size_t stop =
            found == nullptr ? end_ : static_cast<std::size_t>(found - buffer_.get());
        if (form_ == Form::csv && quote_ < stop) {
            const auto* const quote = static_cast<const char*>(
                std::memchr(buffer_.get() + quote_, csv_.quote, end_ - quote_));
            quote_ = quote == nullptr ? end_ : static_cast<std::size_t>(quote - buffer_.get());
            if (quote_ < stop) {
                scanned_ = ++quote_;
                in_quotes_ = true;
                continue;
            }
        }
        scanned_ = stop;
        return found != nullptr;
    }
}

/// Moves scanned_ behind the quote that ends a quoted stretch; false: it was not read yet.
bool RowReader::leave_quotes() {
    // Where the escape is the quote itself, a doubled one ends a stretch and begins the next.
    const bool escapes = csv_.escape != csv_.quote;
    for (; scanned_ < end_; ++scanned_) {
        const char c = buffer_[scanned_];
        if (escapes && c == csv_.escape) {
            if (scanned_ + 1 == end_ && !at_end_) return false;
            const char next = scanned_ + 1 < end_ ? buffer_[scanned_ + 1] : '\0';
            if (next == csv_.escape || next == csv_.quote) ++scanned_;
        } else if (c == csv_.quote) {
            quote_ = ++scanned_;
            in_quotes_ = false;
            return true;
        } else if (c == '\n') {
            ++breaks_;
        }
    }
    return false;
}

}  // namespace sluice
