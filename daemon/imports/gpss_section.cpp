#include "daemon/imports/gpss_section.h"

#include "config/text/characters.h"
#include "daemon/imports/connection_text.h"
#include "daemon/imports/gpss_inputs.h"
#include "daemon/imports/gpss_rows.h"
#include "daemon/imports/toml_text.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace sluice {
namespace {

using toml_text::comment;

/// Writes one [ingest.NAME].
class PipelineSection {
public:
    PipelineSection(GpssJob job, const std::string& name)
        : job_(std::move(job)), name_(name), notes_(std::move(job_.notes)) {}

    std::string text() {
        const GpssInputs inputs = inputs_of(job_, notes_);
        lines_ += inputs.lines;
        read_batch();
        read_reactions();
        read_statement();
        std::string targets;
        std::string columns;
        const std::string filter = partitions();
        for (const GpssTarget& target : job_.targets) {
            const GpssRows rows =
                rows_of(job_, target, inputs.columns, filter, inputs.shape, notes_);
            const bool is_only = job_.targets.size() == 1;
            const std::string within = "ingest." + toml_text::key(name_) + (is_only ? "" : ".into");
            if (is_only)
                lines_.insert(0, rows.lines);
            else
                columns += "\n[[" + within + "]]\n" + rows.lines;
            columns += "\n[" + within + ".columns]\n" + rows.columns;
            if (!rows.fields.empty()) columns += "\n[" + within + ".fields]\n" + rows.fields;
        }
        return "\n" + comment("From " + job_.file + ".") + "[ingest." + toml_text::key(name_) +
               "]\ntopic = " + toml_text::quoted(job_.topic.text) + "\n" + lines_ + notes() +
               columns;
    }

private:
    void line(std::string_view name, const std::string& value) {
        lines_.append(name).append(" = ").append(value).append("\n");
    }
    void note(int at, std::string text) { notes_.push_back({at, std::move(text)}); }

    /// By line; what is about no line is last.
    std::string notes() {
        std::ranges::stable_sort(notes_, [](const GpssNote& left, const GpssNote& right) {
            if (left.line == 0 || right.line == 0) return right.line == 0 && left.line != 0;
            return left.line < right.line;
        });
        std::string text;
        for (const GpssNote& each : notes_)
            text += comment((each.line > 0 ? "line " + std::to_string(each.line) + ": " : "") +
                            each.text);
        return text +
               comment("How far the job has come is in its own tables, or its group's offsets.") +
               comment(
                   "Without that, reading begins at the earliest record: start = \"latest\" or a") +
               comment("time begins later, and so does sluice progress set, with its offsets.");
    }

    /// "(1, 3...5)" as a filter; empty: all of them.
    std::string partitions() {
        if (!job_.partitions.is_there()) return {};
        std::string list;
        std::string text = job_.partitions.text;
        std::erase_if(text, [](char c) { return c == '(' || c == ')' || is_space(c); });
        for (const std::string& part : split_list(text)) {
            const std::size_t dots = part.find("...");
            const auto first = whole_number(part.substr(0, dots));
            const auto last =
                dots == std::string::npos ? first : whole_number(part.substr(dots + 3));
            constexpr std::int64_t most = 10'000;
            if (!first || !last || *first < 0 || *last < *first || *last - *first > most) {
                note(job_.partitions.line,
                     "TO DO: partitions " + job_.partitions.text +
                         " are not understood; all are read: filter = \"@partition in (0, 1)\"");
                return {};
            }
            for (std::int64_t each = *first; each <= *last; ++each)
                list += (list.empty() ? "" : ", ") + std::to_string(each);
        }
        note(job_.partitions.line, "all partitions are read, and records of others filtered");
        return "@partition in (" + list + ")";
    }

    std::optional<std::int64_t> understood(const YamlText& given, const std::string& called,
                                           const std::string& equal) {
        const auto number = whole_number(given.text);
        if (given.is_there() && (!number || *number < 0))
            note(given.line, "TO DO: " + called + " " + given.text +
                                 " is not understood: batch = { " + equal + " = … }");
        return number;
    }

    void read_batch() {
        std::string batch;
        constexpr std::int64_t most_rows = 10'000'000;
        constexpr std::int64_t longest_ms = 3'600'000;
        const auto rows = understood(job_.batch_rows, "max_row", "rows");
        if (rows && *rows > 0) batch = "rows = " + std::to_string(std::min(*rows, most_rows));
        const auto delay = understood(job_.batch_ms, "minimal_interval", "delay");
        if (delay && *delay > 0)
            batch += (batch.empty() ? "" : ", ") + std::string("delay = \"") +
                     std::to_string(std::min(*delay, longest_ms)) + "ms\"";
        if (!batch.empty()) line("batch", "{ " + batch + " }");
    }

    void read_reactions() {
        const std::string& limit = job_.error_limit.text;
        const auto number = whole_number(limit);
        const bool is_share = limit.ends_with('%');
        if (limit.empty() || (number && *number == 0)) {
            line("on_reject", "\"stop\"");
            note(job_.error_limit.line,
                 "without an error limit the job stopped at the first error; without on_reject = "
                 "\"stop\" bad records become dead letters, and the others are loaded");
        } else if (number && *number > 0) {
            line("max_rejects", std::to_string(*number));
        } else if (is_share) {
            line("max_rejects", toml_text::quoted(limit));
        } else {
            note(job_.error_limit.line, "TO DO: error limit " + limit + " is not understood");
        }
        if (job_.fallback_offset.text == "earliest")
            line("on_offset_lost", "\"earliest\"");
        else if (job_.fallback_offset.is_there())
            note(job_.fallback_offset.line,
                 "TO DO: fallback_offset " + job_.fallback_offset.text +
                     ": where records are gone before they were read, the pipeline stops and says "
                     "so; on_offset_lost = \"earliest\" goes on at the earliest");
    }

    /// It ran behind so many batches.
    void read_statement() {
        if (!job_.statement.is_there()) return;
        constexpr std::int64_t usual_ms = 1000;
        constexpr std::int64_t least_ms = 1000;
        const auto said = whole_number(job_.statement_batches.text);
        if (job_.statement_batches.is_there() && !said)
            note(job_.statement_batches.line, "TO DO: batch_interval " +
                                                  job_.statement_batches.text +
                                                  " is not understood: every is that of one batch");
        const std::int64_t batches = std::clamp<std::int64_t>(said.value_or(1), 1, 100'000);
        const std::int64_t delay = std::clamp<std::int64_t>(
            whole_number(job_.batch_ms.text).value_or(usual_ms), 1, 3'600'000);
        const std::int64_t every = std::clamp<std::int64_t>(batches * delay, least_ms, 86'400'000);
        line("after_commit", "{ sql = " + toml_text::quoted(job_.statement.text) + ", every = \"" +
                                 std::to_string(every) + "ms\" }");
        note(job_.statement.line,
             "after_commit runs in a transaction of its own, by time and not by batches");
    }

    GpssJob job_;
    const std::string& name_;
    std::vector<GpssNote> notes_;
    std::string lines_;
};

}  // namespace

std::string section_of(GpssJob job, const std::string& name) {
    return PipelineSection(std::move(job), name).text();
}

}  // namespace sluice
