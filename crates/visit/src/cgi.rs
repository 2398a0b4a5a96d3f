//! The processes of CGI programs.
