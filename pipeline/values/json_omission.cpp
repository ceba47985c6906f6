#include "pipeline/values/json_omission.h"

#include "pipeline/values/json_text.h"

#include <utility>

namespace sluice {

/// Goes through one text. Functions return false where it is not JSON.
class JsonOmission::Writer {
public:
    Writer(std::string_view text, const JsonIndex& index, Scratch& scratch)
        : cursor_(text, index), scratch_(scratch) {
        left_.reserve(text.size());
    }

    /// `paths`: those that lead into the value at hand.
    bool value(const std::vector<Path>& paths) {
        if (!paths.empty() && cursor_.peek() == '{') return object(paths);
        if (!paths.empty() && cursor_.peek() == '[') return array(paths);
        const char* const begin = cursor_.at_end() ? nullptr : cursor_.here();
        if (!cursor_.skip_value()) return false;
        left_.append(begin, cursor_.after());
        return true;
    }
    [[nodiscard]] bool at_end() const { return cursor_.at_end(); }
    [[nodiscard]] const std::string& left() const { return left_; }

private:
    bool object(const std::vector<Path>& paths) {
        left_ += '{';
        cursor_.pass();
        const std::size_t first = left_.size();
        while (cursor_.peek() != '}') {
            const std::size_t before = left_.size();
            if (before > first) left_ += ',';
            if (!member(paths, before)) return false;
            if (!goes_on('}')) return false;
        }
        cursor_.pass();
        left_ += '}';
        return true;
    }

    /// `before`: what is left if it is left out.
    bool member(const std::vector<Path>& paths, std::size_t before) {
        std::string_view raw;
        if (cursor_.peek() != '"' || !cursor_.read_string(raw) || cursor_.peek() != ':')
            return false;
        cursor_.skip_token();
        const json::Unescaped name = json::unescape(raw, scratch_);
        std::vector<Path> within;
        for (const Path& path : paths) {
            if (path.front() != name.text) continue;
            if (path.size() == 1) {
                left_.resize(before);
                return cursor_.skip_value();
            }
            within.push_back(path.subspan(1));
        }
        ((left_ += '"') += raw) += "\":";
        return value(within);
    }

    bool array(const std::vector<Path>& paths) {
        left_ += '[';
        cursor_.pass();
        const std::size_t first = left_.size();
        while (cursor_.peek() != ']') {
            if (left_.size() > first) left_ += ',';
            if (++depth_ > deepest || !value(paths)) return false;
            --depth_;
            if (!goes_on(']')) return false;
        }
        cursor_.pass();
        left_ += ']';
        return true;
    }

    bool goes_on(char end) {
        if (cursor_.peek() == end) return true;
        if (cursor_.peek() != ',') return false;
        cursor_.pass();
        return cursor_.peek() != end;
    }

    /// As a JsonCursor takes them.
    static constexpr int deepest = 1000;

    JsonCursor cursor_;
    Scratch& scratch_;
    std::string left_;
    int depth_ = 0;
};

JsonOmission::JsonOmission(std::vector<std::vector<std::string>> paths)
    : paths_(std::move(paths)) {}

std::optional<std::string_view> JsonOmission::apply(std::string_view text, JsonIndex& index,
                                                    Scratch& scratch) const {
    if (index.read(text)) return std::nullopt;
    Writer writer(text, index, scratch);
    if (!writer.value({paths_.begin(), paths_.end()}) || !writer.at_end()) return std::nullopt;
    return scratch.keep(writer.left());
}

}  // namespace sluice
