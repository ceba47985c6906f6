#include "config/hidden_source.h"

#include <algorithm>
#include <span>

namespace sluice::config {
namespace {

bool is_of_value(Source::Kind kind) {
    return kind == Source::Kind::field || kind == Source::Kind::position ||
           kind == Source::Kind::envelope;
}

/// Of a part, where it is within what holds it.
std::span<const std::string> path_within(const Source& whole, const Source& part) {
    return std::span(part.path).subspan(whole.kind == part.kind ? whole.path.size() : 0);
}

bool begins(std::span<const std::string> path, std::span<const std::string> with) {
    return with.size() <= path.size() && std::ranges::equal(with, path.first(with.size()));
}

/// The row as it was is told like the row as it is.
Source of_row(Source source) {
    if (source.kind != Source::Kind::envelope || source.path.front() != "before") return source;
    source.kind = Source::Kind::field;
    source.path.erase(source.path.begin());
    return source;
}

bool within(const Source& whole, const Source& part) {
    if (whole.kind == Source::Kind::value && is_of_value(part.kind)) return true;
    if (whole.kind == Source::Kind::key && part.kind == Source::Kind::key_field) return true;
    if (whole.kind == Source::Kind::headers && part.kind == Source::Kind::header) return true;
    return whole.kind == part.kind && whole.position == part.position && whole.name == part.name &&
           begins(part.path, whole.path);
}

}  // namespace

bool holds(const Source& whole, const Source& part) {
    return within(of_row(whole), of_row(part));
}

bool drops(const ColumnMapping& whole, const Source& of_part) {
    const Source part = of_row(of_part);
    const auto path = path_within(of_row(whole.source), part);
    return std::ranges::any_of(whole.drop,
                               [&](const auto& left_out) { return begins(path, left_out); });
}

bool tells_hidden(const Ingest& ingest, const Source& asked) {
    const Source source = of_row(asked);
    const auto tells = [&source](const ColumnMapping& mapping) {
        if (hides(mapping.as))
            return holds(source, mapping.source) || holds(mapping.source, source);
        if (!holds(mapping.source, source)) return false;
        const auto path = path_within(of_row(mapping.source), source);
        return std::ranges::any_of(mapping.drop, [&](const auto& left_out) {
            return begins(path, left_out) || begins(left_out, path);
        });
    };
    return std::ranges::any_of(ingest.columns, tells) ||
           std::ranges::any_of(ingest.fields, tells, &SqlField::mapping);
}

}  // namespace sluice::config
