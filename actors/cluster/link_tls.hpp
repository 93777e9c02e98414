// What encrypts a link: TLS 1.3, with certificates of the cluster's authority on both sides.
#pragma once

#include "base/result.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <string>

typedef struct ssl_st SSL; // OpenSSL's
typedef struct x509_store_ctx_st X509_STORE_CTX;

namespace darkroom::actors {

using tls_context = std::shared_ptr<boost::asio::ssl::context>;

// From a file with a certificate, its key and the authority's certificate.
base::result<tls_context, std::string> link_context(const std::string& identity, bool server);

// Of the certificate that the other side has shown.
struct peer_certificate {
  std::string name;   // common name
  std::string serial; // hexadecimal
};
peer_certificate certificate_of(SSL* connection);

// The name that a worker's own certificate has; empty when the file cannot be read.
std::string own_name(const std::string& identity);

// Checks that the server's certificate is for this host, when the handshake comes.
void expect_host(SSL* connection, const std::string& host);

// Names and addresses that the certificate that is being looked at is for; empty for an
// authority's.
std::string hosts_of(X509_STORE_CTX* looked_at);

// What went wrong in a handshake, and what to do about it, in the words of a worker.
// `hosts`: that the server's certificate is for, if it has shown one.
std::string handshake_problem(SSL* connection, const boost::system::error_code& error,
                              const std::string& host, const std::string& hosts);

} // namespace darkroom::actors
