#pragma once

#include "config/config.h"
#include "pipeline/outbox/outbox_event.h"
#include "sinks/session/session.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// How the events of one outbox table are read.
struct OutboxTable {
    std::string name;       ///< as users write it
    std::string qualified;  ///< "public"."outbox", quoted
    std::string id;         ///< the column, quoted
    std::string id_type;    ///< as SQL writes it: what claims, which are text, are cast to
    std::string select;     ///< the expressions that append_event() understands, of a table o
    std::string order;      ///< for ORDER BY
    std::vector<std::string> headers;  ///< those with a column of their own

    /// What it is, in words: the same text means that it would be read alike.
    [[nodiscard]] std::string text() const {
        return name + " (" + id_type + "; " + select + "; " + order + ")";
    }
};

/// Finds the table and its columns. Throws WrongConfiguration where they do not fit.
[[nodiscard]] OutboxTable read_outbox_table(Session& session, const config::Outbox& outbox);

/// Reads what COPY (FORMAT binary) sends of `select`: the first message may begin with the header,
/// the last one holds the trailer only. False: no row was in it.
bool append_event(std::string_view message, const std::vector<std::string>& headers,
                  EventBatch& batch);

}  // namespace sluice
