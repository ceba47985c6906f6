#include "daemon/admin/problem.h"

#include <ostream>  // which Boost 1.74 forgets

#include <boost/beast/http/status.hpp>

namespace sluice {

JsonWriter begin_problem(int status, std::string_view detail) {
    namespace http = boost::beast::http;
    const auto title = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    JsonWriter json;
    json.begin_object().field("title", std::string_view(title.data(), title.size()));
    json.field("status", static_cast<long long>(status)).field("detail", detail);
    return json;
}

HttpResponse problem(int status, std::string_view detail) {
    return {.status = status,
            .content_type = problem_type,
            .body = begin_problem(status, detail).end_object().text() + "\n"};
}

}  // namespace sluice
