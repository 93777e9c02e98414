// Who may join: an authority of the cluster's own, in a folder beside the server, and certificates
// that it gives to the server and to each node. Every file is for its owner alone (0600).
//
//   ca.key, ca.crt   the authority; whoever has its key can let anybody join
//   server.pem       the server's certificate, its key, and the authority's certificate
//   NAME.pem         the same for a node: all that `darkroom worker` needs
//   nodes            one line for each certificate: SERIAL NAME EXPIRES issued|revoked
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::actors {

struct node_certificate {
  std::string serial; // hexadecimal
  std::string name;
  std::int64_t expires_s = 0; // since the Unix epoch
  bool revoked = false;
};

// Errors are sentences that say what to do.
using cluster_result = base::result<void, std::string>;

// Makes the authority and the server's certificate, for these names and addresses of the server.
// The folder must not hold one already.
cluster_result make_cluster(const std::string& folder, const std::vector<std::string>& hosts,
                            int days);
// A new certificate for the server, when its hosts have changed or its own expires.
cluster_result renew_server(const std::string& folder, const std::vector<std::string>& hosts,
                            int days);
// `days` may be 0 or less for a certificate that has expired already.
cluster_result issue_certificate(const std::string& folder, const std::string& name,
                                 const std::string& file, int days);
// All certificates of this name.
cluster_result revoke_certificates(const std::string& folder, const std::string& name);

base::result<std::vector<node_certificate>, std::string>
read_certificates(const std::string& folder);

// Those of the server and of the authority itself, named so.
base::result<std::vector<node_certificate>, std::string>
own_certificates(const std::string& folder);

// 1 to 63 letters, digits, dots and hyphens, as of a host.
bool is_node_name(const std::string& name);

} // namespace darkroom::actors
