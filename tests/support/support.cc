// Library-wide test support lives beside this file.
