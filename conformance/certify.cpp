#include "conformance/certify.h"

#include "conformance/check_list.h"

#include <chrono>

namespace sluice::conformance {
namespace {

Result run_case(const Case& one, Site& site) {
    Result result{.group = one.group, .name = one.name, .note = ""};
    try {
        result.note = one.run(site);
    } catch (const Skipped& skipped) {
        result.kind = Result::Kind::skipped;
        result.note = skipped.what();
    } catch (const std::exception& error) {
        result.kind = Result::Kind::differs;
        result.note = error.what();
    }
    return result;
}

std::vector<std::string> databases_of_others(Site& site) {
    std::vector<std::string> names;
    Session session(site.dsn(), "sluice-conformance");
    const Rows rows = session.exec(
        "SELECT datname FROM pg_database WHERE datname LIKE 'sluice\\_conformance\\_%'"
        " AND datname <> current_database()");
    for (const Row& row : rows.rows) names.push_back(row.front().value_or(""));
    return names;
}

}  // namespace

Certificate certify(const Request& request) {
    using Clock = std::chrono::steady_clock;
    Certificate certificate;
    Site site(request.dsn, request.on_table);
    if (request.on_made) request.on_made(site.made());
    if (!request.segments.empty()) site.serve_segments(request.segments);
    certificate.server = site.server();
    certificate.of_others = databases_of_others(site);
    for (const Case& one : all_cases()) {
        if (request.stop != nullptr && *request.stop) break;
        if (!is_among(one, request.only)) continue;
        const Clock::time_point began = Clock::now();
        certificate.results.push_back(run_case(one, site));
        const std::chrono::duration<double> took = Clock::now() - began;
        if (request.on_result) request.on_result(certificate.results.back(), took.count());
    }
    certificate.left_behind = site.clean_up();
    if (request.on_made) request.on_made({});
    return certificate;
}

}  // namespace sluice::conformance
