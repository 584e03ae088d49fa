"""Who may write a transcript beside a student here: votes of samples, servers, teachers, the data, you."""
