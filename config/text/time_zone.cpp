#include "config/text/time_zone.h"

#include "config/text/characters.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

/// The head of a TZif file, or of its second half.
struct Head {
    static constexpr std::size_t size = 44;
    std::size_t utc_marks = 0;
    std::size_t standard_marks = 0;
    std::size_t leaps = 0;
    std::size_t times = 0;
    std::size_t types = 0;
    std::size_t characters = 0;

    /// What stands behind it, where a time has so many bytes.
    [[nodiscard]] std::size_t content(std::size_t of_time) const {
        return times * (of_time + 1) + types * 6 + characters + leaps * (of_time + 4) +
               standard_marks + utc_marks;
    }
};

std::int64_t big_endian(std::string_view bytes) {
    // The sign is that of the first byte.
    std::int64_t number = static_cast<signed char>(bytes.front());
    for (const char c : bytes.substr(1)) number = number * 256 + static_cast<unsigned char>(c);
    return number;
}

std::optional<Head> read_head(std::string_view at) {
    if (at.size() < Head::size || !at.starts_with("TZif") || at[4] < '2') return std::nullopt;
    const auto count = [at](std::size_t index) {
        return static_cast<std::size_t>(big_endian(at.substr(20 + index * 4, 4)));
    };
    const Head head{.utc_marks = count(0),
                    .standard_marks = count(1),
                    .leaps = count(2),
                    .times = count(3),
                    .types = count(4),
                    .characters = count(5)};
    constexpr std::size_t most = 100'000;  // of a file that is one
    for (const std::size_t each :
         {head.utc_marks, head.standard_marks, head.leaps, head.times, head.types, head.characters})
        if (each > most) return std::nullopt;
    return head;
}

}  // namespace

/// Reads a POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3".
class TimeZone::RuleReader {
public:
    explicit RuleReader(std::string_view text) : rest_(text) {}

    std::optional<Rule> read() {
        Rule rule;
        skip_name();
        rule.standard = -time();
        if (!rest_.empty()) {
            skip_name();
            const bool given = !rest_.empty() && rest_.front() != ',';
            rule.summer = given ? -time() : rule.standard + 1h;
            rule.to_summer = turn();
            rule.to_standard = turn();
        }
        if (wrong_ || !rest_.empty()) return std::nullopt;
        return rule;
    }

private:
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// "CET", "<+01>"
    void skip_name() {
        const bool quoted = take('<');
        const auto end = std::ranges::find_if(rest_, [quoted](char c) {
            return quoted ? c == '>' : is_digit(c) || c == '-' || c == '+' || c == ',';
        });
        wrong_ |= end == rest_.begin();
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
        if (quoted) wrong_ |= !take('>');
    }
    unsigned number() {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        wrong_ |= error != std::errc();
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }
    /// [+-]hh[:mm[:ss]]
    seconds time() {
        const bool negative = take('-');
        if (!negative) take('+');
        seconds value = std::chrono::hours(number());
        if (take(':')) value += std::chrono::minutes(number());
        if (take(':')) value += seconds(number());
        return negative ? -value : value;
    }
    /// ",M3.5.0/2"
    Turn turn() {
        Turn turn;
        wrong_ |= !take(',') || !take('M');
        turn.month = number();
        wrong_ |= !take('.');
        turn.week = number();
        wrong_ |= !take('.');
        turn.weekday = number();
        if (take('/')) turn.time = time();
        wrong_ |=
            turn.month < 1 || turn.month > 12 || turn.week < 1 || turn.week > 5 || turn.weekday > 6;
        return turn;
    }

    std::string_view rest_;
    bool wrong_ = false;
};

sys_seconds TimeZone::Turn::in(std::chrono::year year) const {
    const std::chrono::weekday day{weekday};
    const auto of_month = year / std::chrono::month{month};
    constexpr unsigned last = 5;
    const sys_days date =
        week == last ? sys_days{of_month / day[std::chrono::last]} : sys_days{of_month / day[week]};
    return date + time;
}

seconds TimeZone::Rule::offset_at(sys_seconds time) const {
    if (!to_summer) return standard;
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(time + standard)};
    const sys_seconds begin = to_summer->in(day.year()) - standard;
    const sys_seconds end = to_standard.in(day.year()) - summer;
    // South of the equator, summer is at both ends of the year.
    const bool is_summer = begin < end ? time >= begin && time < end : time >= begin || time < end;
    return is_summer ? summer : standard;
}

std::optional<TimeZone> TimeZone::named(std::string_view name) {
    if (name == "UTC") return TimeZone{};
    const bool is_name = !name.empty() && name.front() != '/' &&
                         name.find("..") == std::string_view::npos &&
                         std::ranges::all_of(name, [](char c) {
                             return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || is_digit(c) ||
                                    c == '/' || c == '_' || c == '-' || c == '+';
                         });
    if (!is_name) return std::nullopt;
    const std::filesystem::path file = "/usr/share/zoneinfo/" + std::string(name);
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
    std::ifstream in(file, std::ios::binary);
    return read(std::string{std::istreambuf_iterator<char>(in), {}});
}

std::optional<TimeZone> TimeZone::read(std::string_view tzif) {
    // The first half is for programs of the last century.
    const auto first = read_head(tzif);
    if (!first || tzif.size() < Head::size + first->content(4)) return std::nullopt;
    tzif.remove_prefix(Head::size + first->content(4));
    const auto head = read_head(tzif);
    if (!head || head->types == 0) return std::nullopt;
    tzif.remove_prefix(Head::size);
    if (tzif.size() < head->content(8)) return std::nullopt;

    const std::string_view types = tzif.substr(head->times * 9, head->types * 6);
    const auto offset_of = [types](std::size_t type) {
        return seconds(big_endian(types.substr(type * 6, 4)));
    };
    TimeZone zone;
    zone.first_ = offset_of(0);
    for (std::size_t i = 0; i < head->times; ++i) {
        const auto type = static_cast<unsigned char>(tzif[head->times * 8 + i]);
        if (type >= head->types) return std::nullopt;
        zone.transitions_.push_back(
            {sys_seconds(seconds(big_endian(tzif.substr(i * 8, 8)))), offset_of(type)});
    }
    std::string_view footer = tzif.substr(head->content(8));
    if (footer.starts_with('\n')) footer.remove_prefix(1);
    zone.rule_ = RuleReader(footer.substr(0, footer.find('\n'))).read();
    return zone;
}

seconds TimeZone::offset_at(sys_seconds time) const {
    const auto next = std::ranges::upper_bound(transitions_, time, {}, &Transition::at);
    if (next == transitions_.end() && rule_) return rule_->offset_at(time);
    return next == transitions_.begin() ? first_ : std::prev(next)->offset;
}

}  // namespace sluice::config
